#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"
#include "pfs/layout.h"

namespace strongroom::pfs {

// Gramine 1.0 to 1.8 write and read version 1 only; 1.9 and later write version 2 and read both.
enum class Format { kGramine1, kGramine2 };

// "gramine1", "gramine2".
std::string_view FormatName(Format format);

struct KdfNonceTag;
using KdfNonce = FixedBytes<KdfNonceTag, 32>;
struct GcmTagTag;
using GcmTag = FixedBytes<GcmTagTag, kTagSize>;

// The part of node 0 that lies in the open. Nothing in it is authenticated before the metadata is.
struct Header {
  Format format = Format::kGramine2;
  std::uint8_t minor_version = 0;  // no reader looks at it
  KdfNonce nonce{};
  GcmTag tag{};                // of the encrypted part
  bool pending_write = false;  // version 2: a writer with recovery enabled was interrupted
};

// Layout only. Findings: kNotAProtectedFile (naming what the file is when it is a known relative),
// kUnsupportedVersion. `node` holds at least the first bytes of a file; kTruncated when they are
// fewer than a node.
Result<Header> ParseHeader(ByteView node);

// The encrypted part of a node 0 in this format: 3884 bytes.
inline constexpr std::size_t kMetadataSize = 3884;
std::span<const std::uint8_t> EncryptedPart(ByteView node, Format format);
std::span<std::uint8_t> EncryptedPart(std::span<std::uint8_t> node, Format format);

// Everything of `header` but the encrypted part, into a node of zeros.
void WriteHeader(const Header& header, std::span<std::uint8_t> node);

// Key and tag of one node, kept by its parent. Wiped.
class NodeRecord {
 public:
  NodeRecord() : bytes_(kRecordSize) {}
  explicit NodeRecord(ByteView record) : bytes_(record) {}

  ByteView bytes() const { return bytes_.Reveal(); }
  ByteView key() const { return bytes().first(kKeySize); }
  ByteView tag() const { return bytes().last(kTagSize); }
  std::span<std::uint8_t> writable() { return bytes_.RevealWritable(); }

 private:
  SecretBytes bytes_;
};

// What the encrypted part says.
struct Metadata {
  std::string path;
  std::uint64_t size = 0;
  NodeRecord root;          // of MHT node 0; meaningless while size <= 3072
  SecretBytes first_bytes;  // min(size, 3072) bytes of plaintext
};

// `plain` is a decrypted encrypted part. kMalformedMetadata when it has another size, the path does
// not end, or the size is one that no file can have.
Result<Metadata> ParseMetadata(ByteView plain);

// The inverse. The path must be normalized, `first_bytes` as stated above; aborts otherwise.
SecretBytes EncodeMetadata(const Metadata& metadata);

}  // namespace strongroom::pfs
