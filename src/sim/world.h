#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attest/anchors.h"
#include "attest/claims.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "base/result.h"
#include "base/secret.h"
#include "sim/platform.h"

namespace strongroom::sim {

struct WorldKeys;
struct PlatformKeys;

// One simulated machine of a world: its model, its identity, and (inside) its keys and sealing
// secret.
class Platform {
 public:
  const PlatformModel& model() const { return model_; }
  const attest::PlatformIdentity& identity() const { return identity_; }
  ByteView qe_id() const { return qe_id_; }
  // Leaf, CA, root: what its quotes carry.
  const std::string& pck_chain_pem() const { return pck_chain_pem_; }
  const PlatformKeys& keys() const { return *keys_; }

 private:
  friend class WorldBuilder;
  PlatformModel model_;
  attest::PlatformIdentity identity_;
  Bytes qe_id_;
  std::string pck_chain_pem_;
  std::shared_ptr<const PlatformKeys>
      keys_;  // immutable; shared so that worlds can be copied by tests
};

// Stands for Intel and its machines: a PKI in Intel's certificate formats under a root whose name
// says TEST, and one platform of each model. Evidence (sim/evidence.h) and collateral
// (sim/collateral.h) are made from it.
class World {
 public:
  // A new world. Certificates are valid from a day before `now`, the root for thirty years. All
  // keys come from the crypto library's own generator; identifiers (PPID, serials, sealing secrets)
  // from `entropy`.
  static Result<World> Create(Entropy& entropy, UnixSeconds now);

  // JSON with every key in it: a file of mode 0600.
  Result<SecretBytes> Serialize() const;
  // kMalformed when it is no such JSON; platforms that the file does not know yet make it
  // kUnsupported.
  static Result<World> Parse(ByteView text);

  // SHA-256 of the root's SubjectPublicKeyInfo, what manifests name as a trust anchor.
  const attest::Anchor& anchor() const { return anchor_; }
  const std::string& root_certificate_pem() const { return root_pem_; }
  const std::vector<Platform>& platforms() const { return platforms_; }
  // kNotFound, naming those there are.
  Result<const Platform*> FindPlatform(std::string_view name) const;
  const WorldKeys& keys() const { return *keys_; }

 private:
  friend class WorldBuilder;
  attest::Anchor anchor_;
  std::string root_pem_;
  std::vector<Platform> platforms_;
  std::shared_ptr<const WorldKeys> keys_;  // immutable; as above
};

}  // namespace strongroom::sim
