#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "attest/anchors.h"
#include "attest/claims.h"
#include "attest/endorsements.h"
#include "attest/findings.h"
#include "attest/quote.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace strongroom::attest {

// What verification came to. Claims are there exactly when no finding is an error; warnings (a TCB
// status other than UpToDate, a tolerated debug enclave) are for policies to judge.
struct Appraisal {
  std::vector<Finding> findings;
  std::optional<VerifiedClaims> claims;

  bool Has(std::string_view id) const;
  // The claims, or the first error as "message [id]".
  Result<VerifiedClaims> ToResult() const;
};

struct VerifierOptions {
  // Debug enclaves give claims (with a warning) instead of an error. Their host reads their memory.
  bool insecure_accept_debug_enclaves = false;
};

namespace dcap {
struct CheckedEndorsements;
}

// Endorsements whose signatures, chains and lists were checked once, to verify many quotes of one
// kind of platform without checking them again. Immutable, cheap to copy, safe to share between
// threads. They also remember which PCK certificates their CA was found to have signed: the second
// quote of a platform brings two signatures to check, not three.
class PreparedEndorsements {
 public:
  // When all of it is valid; every verification asks again.
  const ValidityWindow& validity() const;
  const Fmspc& fmspc() const;
  const Anchor& anchor() const;
  bool platform_ca() const;  // the lists are of the Platform CA, else of the Processor CA
  // For floors against replayed collateral: issue dates and evaluation numbers per subject.
  UnixSeconds tcb_info_issued() const;
  UnixSeconds qe_identity_issued() const;
  std::uint32_t tcb_info_evaluation_number() const;
  std::uint32_t qe_identity_evaluation_number() const;
  UnixSeconds pck_crl_issued() const;
  UnixSeconds root_ca_crl_issued() const;

 private:
  friend class Preparer;
  friend class QuoteVerifier;
  explicit PreparedEndorsements(std::shared_ptr<const dcap::CheckedEndorsements> checked)
      : checked_(std::move(checked)) {}

  // shared_ptr: immutable content that coordinator threads hold while a cache replaces it.
  std::shared_ptr<const dcap::CheckedEndorsements> checked_;
};

struct Preparation {
  std::vector<Finding> findings;
  std::optional<PreparedEndorsements> endorsements;  // there exactly when no finding is an error

  Result<PreparedEndorsements> ToResult() const;
};

// Checks all that does not depend on a quote: issuer chains up to an anchor, both lists, both
// documents, valid at `now` (lower bounds too).
Preparation PrepareEndorsements(const Endorsements& endorsements, const TrustAnchors& anchors,
                                UnixSeconds now);

// Verifies an SGX quote against checked endorsements at `now`: PCK chain and revocation, quoting
// enclave, attestation key, quote signature, TCB level. `pck_certificate_chain` is for quotes that
// do not carry it (types 1 and 3).
Appraisal VerifySgxQuote(ByteView quote, const PreparedEndorsements& endorsements, UnixSeconds now,
                         const VerifierOptions& options = {},
                         std::string_view pck_certificate_chain = {});
// The same for a quote that the caller has parsed.
Appraisal VerifySgxQuote(const Quote& quote, const PreparedEndorsements& endorsements,
                         UnixSeconds now, const VerifierOptions& options = {},
                         std::string_view pck_certificate_chain = {});

// Both in one: the verifier as a pure function. The same evidence, endorsements, anchors and time
// give the same answer.
Appraisal VerifySgxEvidence(ByteView quote, const Endorsements& endorsements,
                            const TrustAnchors& anchors, UnixSeconds now,
                            const VerifierOptions& options = {});

}  // namespace strongroom::attest
