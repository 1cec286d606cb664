#include "attest/anchors.h"

#include "base/encoding.h"

namespace strongroom::attest {

Result<Anchor> AnchorOf(const crypto::Certificate& root) {
  ASSIGN_OR_RETURN(const crypto::PublicKey key, root.public_key());
  return Anchor::From(key.SpkiSha256().view());
}

const Anchor& TrustAnchors::IntelRoot() {
  // SubjectPublicKeyInfo of "Intel SGX Root CA", the same in every genuine issuance (2018 to 2033,
  // 2018 to 2049).
  static constexpr Anchor kIntel(
      std::array<std::uint8_t, 32>{0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4, 0x13, 0x2f, 0x91,
                                   0x86, 0x06, 0x8a, 0x7f, 0xc1, 0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35,
                                   0x77, 0x74, 0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e});
  return kIntel;
}

TrustAnchors TrustAnchors::Intel() { return TrustAnchors().Add(IntelRoot()); }

Result<Anchor> ParseAnchor(std::string_view hex) {
  ASSIGN_OR_RETURN(const Bytes bytes, In("trust anchor", HexDecode(hex)));
  return In("trust anchor", Anchor::From(bytes));
}

}  // namespace strongroom::attest
