#pragma once

#include <cstdint>
#include <span>

#include "base/entropy.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "pfs/metadata.h"

namespace strongroom::pfs {

// The 16-byte key of a set of protected files; Gramine calls it wrap key, or key derivation key.
class WrapKey {
 public:
  // kMalformed when `bytes` are not 16.
  static Result<WrapKey> From(SecretBytes bytes);

  WrapKey Clone() const { return WrapKey(bytes_.Clone()); }
  const SecretBytes& bytes() const { return bytes_; }

 private:
  explicit WrapKey(SecretBytes bytes) : bytes_(std::move(bytes)) {}
  SecretBytes bytes_;
};

// The key of one state of the metadata: NIST SP 800-108 in counter mode over AES-128-CMAC, in the
// byte order that Gramine gave it.
Result<SecretBytes> DeriveMetadataKey(const WrapKey& key, const KdfNonce& nonce);

// AES-128-GCM as nodes use it: nonce of zeros, no associated data. That is safe only because a key
// never seals twice, so this class draws the keys itself. One for each thread.
class NodeCipher {
 public:
  // kUntrusted when the node was not sealed under this record; `plain` is zeros then.
  Status Open(ByteView key, ByteView tag, ByteView sealed, std::span<std::uint8_t> plain);

  // Seals under a fresh key, which goes into `record` with the tag.
  Status Seal(ByteView plain, std::span<std::uint8_t> sealed, std::span<std::uint8_t> record,
              Entropy& entropy);

  // Seals every 4096 bytes of `plain` under a fresh key each; `records` has 32 bytes for each.
  Status SealNodes(ByteView plain, std::span<std::uint8_t> sealed, std::span<std::uint8_t> records,
                   Entropy& entropy);

  // Node 0. The nonce of `header` is drawn here and its tag set.
  Status SealMetadata(const Metadata& metadata, const WrapKey& key, Header header,
                      std::span<std::uint8_t> node, Entropy& entropy);

  // The encrypted part of a node 0. Finding kWrongKeyOrTamperedMetadata.
  Result<Metadata> OpenMetadata(ByteView node, const Header& header, const WrapKey& key);

 private:
  Status SealUnder(ByteView plain, std::span<std::uint8_t> sealed, std::span<std::uint8_t> record);

  crypto::AesGcm gcm_;
};

// One decrypted MHT node: a record for each of its 96 data nodes, then one for each of its 32 MHT
// children. Wiped.
class MhtNode {
 public:
  MhtNode() : bytes_(kNodeSize) {}

  ByteView Data(std::size_t slot) const {
    return bytes_.Reveal().subspan(slot * kRecordSize, kRecordSize);
  }
  ByteView Child(std::size_t slot) const { return Data(kDataPerMht + slot); }
  std::span<std::uint8_t> WritableData(std::size_t slot, std::size_t count) {
    return bytes_.RevealWritable().subspan(slot * kRecordSize, count * kRecordSize);
  }
  std::span<std::uint8_t> WritableChild(std::size_t slot) {
    return WritableData(kDataPerMht + slot, 1);
  }

  ByteView bytes() const { return bytes_.Reveal(); }
  std::span<std::uint8_t> writable() { return bytes_.RevealWritable(); }

 private:
  SecretBytes bytes_;
};

}  // namespace strongroom::pfs
