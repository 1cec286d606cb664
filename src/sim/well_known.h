#pragma once

#include "crypto/key.h"
#include "sim/world.h"

// A world and a signer whose private keys are public: they are in this program and in its source.
// For demonstrations and tests that have nowhere to keep a secret, such as pods of a cluster. Every
// one of their machines is this same one. Whoever reads the keys can make any evidence in this
// world: it proves nothing at all, not even which of one's own programs runs.
namespace strongroom::sim {

Result<World> WellKnownWorld();

// Signs enclaves (RSA-3072, exponent 3), so that their MRSIGNER, and what they seal to it, stay the
// same.
Result<crypto::PrivateKey> WellKnownSigningKey();

}  // namespace strongroom::sim
