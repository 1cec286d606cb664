#include "attest/dcap/verified_leaves.h"

namespace strongroom::attest::dcap {

std::optional<crypto::Certificate> VerifiedLeaves::Find(ByteView der) const {
  const crypto::Sha256Digest fingerprint = crypto::Sha256(der);
  return leaves_.With([&](const auto& leaves) -> std::optional<crypto::Certificate> {
    const auto found = leaves.find(fingerprint);
    if (found == leaves.end() || !Equal(found->second.der(), der)) return std::nullopt;
    return found->second;
  });
}

void VerifiedLeaves::Remember(const crypto::Certificate& leaf) {
  leaves_.With([&](auto& leaves) {
    if (leaves.size() == kMax && !leaves.contains(leaf.Fingerprint())) leaves.clear();
    leaves.emplace(leaf.Fingerprint(), leaf);
  });
}

std::size_t VerifiedLeaves::size() const {
  return leaves_.With([](const auto& leaves) { return leaves.size(); });
}

}  // namespace strongroom::attest::dcap
