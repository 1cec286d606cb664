#pragma once

#include <vector>

#include "attest/anchors.h"
#include "attest/policy.h"
#include "cli/command.h"

namespace strongroom::cli {

// Which code on which hardware the user wants to see behind an address.
struct ExpectedIdentity {
  attest::AcceptancePolicy policy;
  attest::TrustAnchors anchors;  // Intel's root and what the user added
};

// The flags that name an identity, for commands that verify evidence: --identity, --mrenclave,
// --mrsigner, --product-id, --min-svn, --accepted-tcb-status, --accepted-advisories,
// --trust-anchor, --insecure-debug-enclave, --pccs-url, --collateral.
std::vector<Flag> IdentityFlags();

// Nothing when no flag names one. kMalformed, saying which flag, when they do not make a whole
// identity (a signer needs product id and minimum SVN).
Result<std::optional<ExpectedIdentity>> IdentityFrom(const Arguments& arguments);

}  // namespace strongroom::cli
