#include "pfs/node_cipher.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/reader.h"
#include "crypto/kdf.h"
#include "pfs/finding.h"
#include "pfs/prefetch.h"
#include "pfs/storage.h"

namespace strongroom::pfs {
namespace {

constexpr std::array<std::uint8_t, crypto::kGcmNonceSize> kZeroNonce{};
constexpr std::string_view kMetadataKeyLabel = "SGX-PROTECTED-FS-METADATA-KEY";
constexpr std::size_t kLabelField = 64;
constexpr std::uint32_t kKeyBits = 128;

crypto::GcmInput Under(ByteView key) { return {.key = key, .nonce = kZeroNonce}; }

}  // namespace

Result<WrapKey> WrapKey::From(SecretBytes bytes) {
  if (bytes.size() != kKeySize) {
    return Malformed(fmt::format("a key of {} bytes, wanted exactly {}", bytes.size(), kKeySize));
  }
  return WrapKey(std::move(bytes));
}

Result<SecretBytes> DeriveMetadataKey(const WrapKey& key, const KdfNonce& nonce) {
  Writer input;
  input.U32Le(1)
      .Put(kMetadataKeyLabel)
      .Zeros(kLabelField - kMetadataKeyLabel.size())
      .Put(nonce.view())
      .U32Le(kKeyBits);
  return crypto::Aes128Cmac(key.bytes().Reveal(), input.bytes());
}

Status NodeCipher::Open(ByteView key, ByteView tag, ByteView sealed,
                        std::span<std::uint8_t> plain) {
  return gcm_.Open(Under(key), sealed, tag, plain);
}

Status NodeCipher::SealUnder(ByteView plain, std::span<std::uint8_t> sealed,
                             std::span<std::uint8_t> record) {
  return gcm_.Seal(Under(record.first(kKeySize)), plain, sealed, record.last<kTagSize>());
}

Status NodeCipher::Seal(ByteView plain, std::span<std::uint8_t> sealed,
                        std::span<std::uint8_t> record, Entropy& entropy) {
  entropy.Fill(record.first(kKeySize));
  return SealUnder(plain, sealed, record);
}

Status NodeCipher::SealNodes(ByteView plain, std::span<std::uint8_t> sealed,
                             std::span<std::uint8_t> records, Entropy& entropy) {
  // One system call for many keys: the kernel's cost of a call is that of a quarter of a node.
  SecretBytes keys(records.size() / kRecordSize * kKeySize);
  entropy.Fill(keys.RevealWritable());
  for (std::size_t i = 0; i < records.size() / kRecordSize; ++i) {
    const auto record = records.subspan(i * kRecordSize, kRecordSize);
    CopyBytes(keys.Reveal().subspan(i * kKeySize, kKeySize), record);
    const ByteView rest = plain.subspan((i + 1) * kNodeSize);
    PrefetchToRead(rest.first(std::min(rest.size(), kNodeSize)));
    RETURN_IF_ERROR(SealUnder(plain.subspan(i * kNodeSize, kNodeSize),
                              sealed.subspan(i * kNodeSize, kNodeSize), record));
  }
  return {};
}

Status NodeCipher::SealMetadata(const Metadata& metadata, const WrapKey& key, Header header,
                                std::span<std::uint8_t> node, Entropy& entropy) {
  std::ranges::fill(node, std::uint8_t{0});
  entropy.Fill(header.nonce.writable());
  ASSIGN_OR_RETURN(const SecretBytes metadata_key, DeriveMetadataKey(key, header.nonce));
  const SecretBytes plain = EncodeMetadata(metadata);
  RETURN_IF_ERROR(gcm_.Seal(Under(metadata_key.Reveal()), plain.Reveal(),
                            EncryptedPart(node, header.format), header.tag.writable()));
  WriteHeader(header, node);
  return {};
}

Result<Metadata> NodeCipher::OpenMetadata(ByteView node, const Header& header, const WrapKey& key) {
  ASSIGN_OR_RETURN(const SecretBytes metadata_key, DeriveMetadataKey(key, header.nonce));
  SecretBytes plain(kMetadataSize);
  const Status opened = gcm_.Open(Under(metadata_key.Reveal()), EncryptedPart(node, header.format),
                                  header.tag.view(), plain.RevealWritable());
  if (!opened && opened.error().code() == Code::kUntrusted) {
    return Refuse(Finding::kWrongKeyOrTamperedMetadata,
                  "the first node does not open: either the key is not the one the file was "
                  "encrypted with, or the "
                  "first 4096 bytes were changed (the format cannot tell which)");
  }
  RETURN_IF_ERROR(opened);
  return ParseMetadata(plain.Reveal());
}

}  // namespace strongroom::pfs
