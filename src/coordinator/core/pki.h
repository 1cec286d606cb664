#pragma once

#include <string>
#include <vector>

#include "attest/anchors.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/key.h"
#include "crypto/x509.h"
#include "manifest/manifest.h"

namespace strongroom::coordinator {

inline constexpr std::int64_t kDay = 24 * 60 * 60;
inline constexpr std::int64_t kAuthorityDays = 3650;
inline constexpr std::int64_t kLeafDays = 90;
// Certificates begin a little earlier, for peers whose clocks are behind.
inline constexpr std::int64_t kClockSlackSeconds = 300;

// The authorities of one coordinator. Who trusts the root survives updates of the manifest; who
// trusts the marble root trusts the mesh of this manifest only. Immutable; copies share keys.
struct Hierarchy {
  crypto::PrivateKey root_key;
  crypto::Certificate root;  // self-signed
  crypto::PrivateKey mesh_key;
  crypto::Certificate intermediate;  // of the mesh key, signed by the root
  crypto::Certificate marble_root;   // of the mesh key, signed by itself, same name
};

// Names by which a certificate is asked for, apart as certificates want them.
struct SubjectNames {
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
};
SubjectNames SplitNames(const std::vector<std::string>& names);

// Fresh keys (P-256) and certificates; `names` and the loopback addresses go into all of them,
// because they are shown by listeners.
Result<Hierarchy> MakeHierarchy(const SubjectNames& names, UnixSeconds now);

// What a marble's certificate says. The names come from the manifest, never from the request.
struct LeafSpec {
  std::string uuid;
  std::string marble;
  SubjectNames names;
  attest::Anchor anchor;  // what its evidence rests on
};
Result<crypto::Certificate> IssueLeaf(const LeafSpec& spec, const crypto::PublicKey& key,
                                      const Hierarchy& authorities, UnixSeconds now);

}  // namespace strongroom::coordinator
