#include "coordinator/core/pki.h"

#include <algorithm>

#include "crypto/cert_builder.h"
#include "crypto/der.h"
#include "crypto/oid.h"
#include "manifest/checks.h"

namespace strongroom::coordinator {
namespace {

constexpr std::string_view kRootName = "Strongroom Coordinator";
constexpr std::string_view kMeshName = "Strongroom Coordinator - Intermediate CA";

// Marbles and listeners are servers and clients alike.
const std::vector<std::string> kBothEnds = {std::string(crypto::oid::kServerAuth),
                                            std::string(crypto::oid::kClientAuth)};

// What root, intermediate and marble root have in common.
crypto::CertificateSpec AuthoritySpec(std::string_view name, const SubjectNames& names,
                                      UnixSeconds now) {
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", std::string(name)}};
  spec.not_before = now + -kClockSlackSeconds;
  spec.not_after = now + kAuthorityDays * kDay;
  spec.dns_names = names.dns_names;
  spec.ip_addresses = names.ip_addresses;
  spec.basic_constraints = crypto::BasicConstraints{.is_ca = true, .path_length = std::nullopt};
  spec.key_usage = crypto::kDigitalSignature | crypto::kKeyCertSign;
  spec.extended_key_usage = kBothEnds;
  for (const char* loopback : {"127.0.0.1", "::1"}) {
    if (std::ranges::find(spec.ip_addresses, loopback) == spec.ip_addresses.end())
      spec.ip_addresses.emplace_back(loopback);
  }
  return spec;
}

}  // namespace

SubjectNames SplitNames(const std::vector<std::string>& names) {
  SubjectNames out;
  for (const std::string& name : names) {
    (manifest::checks::IsIpAddress(name) ? out.ip_addresses : out.dns_names).push_back(name);
  }
  return out;
}

Result<Hierarchy> MakeHierarchy(const SubjectNames& names, UnixSeconds now) {
  ASSIGN_OR_RETURN(const crypto::PrivateKey root_key,
                   crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ASSIGN_OR_RETURN(const crypto::Certificate root,
                   crypto::SelfSign(AuthoritySpec(kRootName, names, now), root_key));
  ASSIGN_OR_RETURN(const crypto::PrivateKey mesh_key,
                   crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  const crypto::CertificateSpec mesh = AuthoritySpec(kMeshName, names, now);
  ASSIGN_OR_RETURN(const crypto::Certificate intermediate,
                   crypto::SignCertificate(mesh, mesh_key.public_key(), {root, root_key}));
  ASSIGN_OR_RETURN(const crypto::Certificate marble_root, crypto::SelfSign(mesh, mesh_key));
  return Hierarchy{root_key, root, mesh_key, intermediate, marble_root};
}

Result<crypto::Certificate> IssueLeaf(const LeafSpec& spec, const crypto::PublicKey& key,
                                      const Hierarchy& authorities, UnixSeconds now) {
  crypto::CertificateSpec leaf;
  leaf.subject = {{"CN", spec.uuid}};
  leaf.not_before = now + -kClockSlackSeconds;
  leaf.not_after = now + kLeafDays * kDay;
  leaf.dns_names = spec.names.dns_names;
  leaf.ip_addresses = spec.names.ip_addresses;
  leaf.key_usage = crypto::kDigitalSignature | crypto::kKeyAgreement;
  leaf.extended_key_usage = kBothEnds;
  leaf.extra_extensions = {{std::string(crypto::oid::kMarbleType), false, ToBytes(spec.marble)}};
  if (spec.anchor != attest::TrustAnchors::IntelRoot()) {
    leaf.extra_extensions.push_back({std::string(crypto::oid::kTrustAnchor), false,
                                     crypto::DerOctetString(spec.anchor.view())});
  }
  return crypto::SignCertificate(leaf, key, {authorities.marble_root, authorities.mesh_key});
}

}  // namespace strongroom::coordinator
