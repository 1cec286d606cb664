#pragma once

#include "sim/keys.h"
#include "sim/world.h"

namespace strongroom::sim {

inline constexpr std::size_t kSealingSecretBytes = 32;
inline constexpr std::size_t kQeIdBytes = 16;

// Puts a world together from its parts, for Create and Parse alike.
class WorldBuilder {
 public:
  struct PlatformParts {
    PlatformModel model;
    attest::PlatformIdentity identity;
    Bytes qe_id;
    PlatformKeys keys;
  };

  explicit WorldBuilder(WorldKeys keys);
  void AddPlatform(PlatformParts parts);
  const WorldKeys& keys() const { return *world_.keys_; }
  Result<World> Finish() &&;

 private:
  World world_;
};

// The identity of a machine of `model` with these identifiers.
attest::PlatformIdentity IdentityOf(const PlatformModel& model, const attest::Ppid& ppid,
                                    const attest::PlatformInstanceId& instance_id);

}  // namespace strongroom::sim
