#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "crypto/crl.h"
#include "crypto/x509.h"

namespace strongroom::crypto {

// Why a path is not trusted; stable, so that callers can map them to findings of their own.
enum class ChainFault {
  kIncomplete,     // no path from the leaf to a self-signed root
  kUntrustedRoot,  // the path ends in another root than the pinned one
  kBadSignature,   // a certificate was not signed by its issuer
  kNotYetValid,    // now < not_before
  kExpired,        // now > not_after
  kNotCa,          // an issuer is no CA, or may not sign certificates
  kTooLong,        // more certificates than allowed by the caller or by a path length constraint
  kPurpose,        // the leaf may not be used for the purpose asked for
  kNonconforming,  // breaks RFC 5280 in another way; an unknown critical extension; a weak
                   // algorithm
  kRevoked,
  kCrlMissing,        // no list by the issuer of a certificate on the path
  kCrlBadSignature,   // or by an issuer that may not sign lists
  kCrlNotYetValid,    // now < this_update
  kCrlExpired,        // now > next_update, or it has none
  kCrlNonconforming,  // scope or critical extensions that nothing here understands
};

// "expired", "crl-missing": lower case, words joined by hyphens.
std::string_view ChainFaultName(ChainFault fault);

struct ChainFinding {
  ChainFault fault;
  int depth;  // of the certificate (for a list: of the lowest one it covers); 0 is the leaf
  std::string subject;  // its subject, RFC 2253
  std::string message;  // what was found, then what was wanted
};

enum class ChainPurpose { kAny, kTlsServer, kTlsClient };

struct ChainInput {
  const Certificate& leaf;
  std::span<const Certificate>
      intermediates;        // untrusted, any order; a copy of the root does no harm
  const Certificate& root;  // the one trust anchor; must be self-signed
  std::span<const Crl> crls = {};
  UnixSeconds now;
};

struct ChainOptions {
  // A list by the issuer of every certificate on the path, the root included, is demanded. Without
  // it lists are not looked at at all.
  bool require_crls;
  int max_certificates = 5;  // leaf and root included
  // What RFC 5280 demands of certificates beyond what a path needs: key identifiers, positive
  // serials, the extensions of CAs. AMD's leaves do not conform.
  bool strict = true;
  ChainPurpose purpose = ChainPurpose::kAny;
};

// Everything that was wrong, not only the first: an expired leaf with a revoked issuer has two
// findings.
struct ChainReport {
  std::vector<Certificate> path;  // leaf to root as far as it could be built
  std::vector<ChainFinding> findings;

  bool trusted() const { return findings.empty(); }
  // OK, or kUntrusted with the text of all findings.
  Status ToStatus() const;
};

// Path building and validation (RFC 5280 6.1) up to the one pinned root. Names are compared byte by
// byte. Both time bounds of every certificate on the path, the root included, and of every given
// list by an issuer on the path are checked against `now`, bounds inclusive. Issuers must carry the
// CA flag and, if they have a key usage, keyCertSign. Critical extensions other than key usages,
// basic constraints and alternative names are refused, name constraints among them. Every given
// list by an issuer on the path counts: one bad list is a finding, one entry revokes.
//
// It is our own because OpenSSL's validation decodes every key again (ten times the cost of a
// signature check for a chain), stops at the first time or list that is bad, and reads upper time
// bounds as exclusive. chain_test holds both to the same verdicts.
ChainReport VerifyChain(const ChainInput& input, const ChainOptions& options);

}  // namespace strongroom::crypto
