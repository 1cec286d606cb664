#include "sim/well_known.h"

#include <string_view>

#include "base/encoding.h"

namespace strongroom::sim {
namespace {

// What `World::Serialize` wrote once, with a line break after every value.
constexpr std::string_view kWorld =
#include "sim/well_known_world.inc"
    ;

// PKCS#8, base64.
constexpr std::string_view kSigningKey =
#include "sim/well_known_signing_key.inc"
    ;

}  // namespace

Result<World> WellKnownWorld() {
  return In("well-known TEST world", World::Parse(AsBytes(kWorld)));
}

Result<crypto::PrivateKey> WellKnownSigningKey() {
  ASSIGN_OR_RETURN(Bytes der, Base64Decode(kSigningKey));
  const SecretBytes secret = SecretBytes::Adopt(std::move(der));
  return In("well-known TEST signer", crypto::PrivateKey::FromPkcs8Der(secret.Reveal()));
}

}  // namespace strongroom::sim
