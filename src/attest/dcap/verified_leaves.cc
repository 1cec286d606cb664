#include "attest/dcap/verified_leaves.h"

namespace strongroom::attest::dcap {

std::optional<VerifiedLeaves::Leaf> VerifiedLeaves::Find(ByteView der) const {
  const crypto::Sha256Digest fingerprint = crypto::Sha256(der);
  return leaves_.With([&](const auto& leaves) -> std::optional<Leaf> {
    const auto found = leaves.find(fingerprint);
    if (found == leaves.end() || !Equal(found->second.certificate.der(), der)) return std::nullopt;
    return found->second;
  });
}

void VerifiedLeaves::Remember(const Leaf& leaf) {
  const crypto::Sha256Digest fingerprint = leaf.certificate.Fingerprint();
  leaves_.With([&](auto& leaves) {
    if (leaves.size() == kMax && !leaves.contains(fingerprint)) leaves.clear();
    leaves.emplace(fingerprint, leaf);
  });
}

std::size_t VerifiedLeaves::size() const {
  return leaves_.With([](const auto& leaves) { return leaves.size(); });
}

}  // namespace strongroom::attest::dcap
