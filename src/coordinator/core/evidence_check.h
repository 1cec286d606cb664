#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attest/anchors.h"
#include "attest/claims.h"
#include "attest/endorsement_subject.h"
#include "attest/findings.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "coordinator/core/ports.h"
#include "manifest/manifest.h"

namespace strongroom::coordinator {

// What came of a workload's evidence. Claims are there exactly when nothing is against it.
struct EvidenceVerdict {
  std::vector<attest::Finding> errors;
  std::optional<attest::VerifiedClaims> claims;

  // The first error, with the ids of all others behind it: for the workload and for the log.
  Error ToError() const;
  std::string Ids() const;  // "dcap.tcb.out-of-date,package.tcb-status"
};

// Holds evidence against a package: genuine (attest), over the wanted report data, and of the code
// that the package names (manifest). Keeps endorsements that were checked once. Safe from any
// thread; checks run outside of its lock.
class EvidenceChecker {
 public:
  // Borrowed for life.
  EvidenceChecker(EndorsementSource& endorsements, const Clock& clock)
      : endorsements_(endorsements), clock_(clock) {}

  EvidenceVerdict Check(ByteView quote, const manifest::Package& package,
                        const attest::ReportData& wanted);

  // Endorsements for a quote, as a relying party elsewhere needs them beside it.
  Result<std::shared_ptr<const attest::Endorsements>> EndorsementsFor(ByteView quote);

 private:
  struct Key {
    attest::Fmspc fmspc;
    bool platform_ca;
    attest::TrustAnchors anchors;
    auto operator<=>(const Key&) const = default;
  };
  struct Checked {
    std::shared_ptr<const attest::Endorsements> source;
    attest::PreparedEndorsements prepared;
  };

  Result<attest::PreparedEndorsements> Prepare(
      const Key& key, const std::shared_ptr<const attest::Endorsements>& source,
      std::vector<attest::Finding>& errors);

  EndorsementSource& endorsements_;
  const Clock& clock_;
  Guarded<std::map<Key, Checked>> checked_;
};

}  // namespace strongroom::coordinator
