#pragma once

#include "attest/endorsements.h"
#include "cli/command.h"

namespace strongroom::cli {

// Collateral for a quote: the bundle of --collateral, else fetched from --pccs-url,
// STRONGROOM_PCCS_URL or Intel's service. It is verified by whoever uses it.
Result<attest::Endorsements> EndorsementsFor(ByteView quote, const Arguments& arguments);

}  // namespace strongroom::cli
