#pragma once

#include "attest/endorsements.h"
#include "base/clock.h"
#include "cli/command.h"

namespace strongroom::cli {

// Collateral for a quote: the bundle of --collateral, else fetched from --pccs-url,
// STRONGROOM_PCCS_URL or Intel's service. It is verified by whoever uses it.
Result<attest::Endorsements> EndorsementsFor(ByteView quote, const Arguments& arguments);

// Whether a quote is genuine as far as its own bytes tell, under Intel's root, at `now`. Collateral
// for such a quote comes from Intel or from where the user says: a service that the cluster offers
// could keep newer advice back.
bool RestsOnIntelsRoot(ByteView quote, UnixSeconds now);

}  // namespace strongroom::cli
