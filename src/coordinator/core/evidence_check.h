#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/claims.h"
#include "attest/findings.h"
#include "base/clock.h"
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

// Holds evidence against a package: over the wanted report data, genuine (attest), and of the code
// that the package names (manifest). What is not over it costs neither a fetch nor a signature.
EvidenceVerdict CheckEvidence(ByteView quote, const manifest::Package& package,
                              const attest::ReportData& wanted, EndorsementPort& endorsements,
                              UnixSeconds now);

}  // namespace strongroom::coordinator
