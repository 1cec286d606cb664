#include "pfs/metadata.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/reader.h"
#include "pfs/finding.h"
#include "pfs/path.h"

namespace strongroom::pfs {
namespace {

constexpr std::size_t kMagicSize = 8;
constexpr std::string_view kMagic = "GRAFS_PF";
constexpr std::string_view kGrapheneMagic = "GRAPH_PF";
constexpr std::string_view kSdkMagic = "ELIF_XGS";
constexpr std::size_t kPathField = kMaxPathSize + 1;

constexpr std::size_t EncryptedPartOffset(Format format) {
  return format == Format::kGramine1 ? 58 : 59;
}

std::string DescribeMagic(std::string_view magic) {
  if (magic == kGrapheneMagic) return "a file of Graphene, before Gramine 1.0";
  if (magic == kSdkMagic) return "a file of the Intel SGX SDK's protected file system";
  return fmt::format("first bytes {}", HexEncode(AsBytes(magic)));
}

Result<Format> FormatOf(std::uint8_t major) {
  if (major == 1) return Format::kGramine1;
  if (major == 2) return Format::kGramine2;
  return Refuse(Finding::kUnsupportedVersion,
                fmt::format("format version {}, wanted 1 or 2", major));
}

}  // namespace

std::string_view FormatName(Format format) {
  return format == Format::kGramine1 ? "gramine1" : "gramine2";
}

Result<Header> ParseHeader(ByteView node) {
  Reader reader(node, "protected file header");
  const auto magic = reader.Take(kMagicSize);
  if (!magic || AsText(*magic) != kMagic) {
    return Refuse(
        Finding::kNotAProtectedFile,
        fmt::format("{}, wanted a Gramine protected file, which begins with GRAFS_PF",
                    magic ? DescribeMagic(AsText(*magic)) : fmt::format("{} bytes", node.size())));
  }
  if (node.size() < kNodeSize) {
    return Refuse(Finding::kTruncated, fmt::format("file ends after {} bytes, wanted at least {}",
                                                   node.size(), kNodeSize));
  }
  Header header;
  ASSIGN_OR_RETURN(const std::uint8_t major, reader.U8());
  ASSIGN_OR_RETURN(header.format, FormatOf(major));
  ASSIGN_OR_RETURN(header.minor_version, reader.U8());
  ASSIGN_OR_RETURN(header.nonce, reader.TakeFixed<KdfNonce>());
  ASSIGN_OR_RETURN(header.tag, reader.TakeFixed<GcmTag>());
  if (header.format == Format::kGramine2) {
    ASSIGN_OR_RETURN(const std::uint8_t flags, reader.U8());
    header.pending_write = (flags & 1) != 0;
  }
  return header;
}

ByteView EncryptedPart(ByteView node, Format format) {
  return node.subspan(EncryptedPartOffset(format), kMetadataSize);
}

std::span<std::uint8_t> EncryptedPart(std::span<std::uint8_t> node, Format format) {
  return node.subspan(EncryptedPartOffset(format), kMetadataSize);
}

void WriteHeader(const Header& header, std::span<std::uint8_t> node) {
  Writer writer;
  writer.Put(kMagic)
      .U8(header.format == Format::kGramine1 ? 1 : 2)
      .U8(header.minor_version)
      .Put(header.nonce.view())
      .Put(header.tag.view());
  if (header.format == Format::kGramine2) writer.U8(header.pending_write ? 1 : 0);
  std::ranges::copy(writer.bytes(), node.begin());
}

Result<Metadata> ParseMetadata(ByteView plain) {
  const auto refuse = [](std::string message) {
    return Refuse(Finding::kMalformedMetadata, std::move(message));
  };
  if (plain.size() != kMetadataSize) {
    return refuse(fmt::format("metadata of {} bytes, wanted {}", plain.size(), kMetadataSize));
  }
  Reader reader(plain, "metadata");
  Metadata metadata;
  ASSIGN_OR_RETURN(const ByteView path_field, reader.Take(kPathField));
  const auto end = std::ranges::find(path_field, std::uint8_t{0});
  if (end == path_field.end())
    return refuse("embedded path without an end, wanted a NUL in its 772 bytes");
  metadata.path.assign(path_field.begin(), end);
  ASSIGN_OR_RETURN(metadata.size, reader.U64Le());
  if (const auto geometry = GeometryOf(metadata.size); !geometry)
    return refuse(geometry.error().message());
  ASSIGN_OR_RETURN(const ByteView root, reader.Take(kRecordSize));
  metadata.root = NodeRecord(root);
  metadata.first_bytes =
      SecretBytes(reader.Rest().first(std::min<std::size_t>(kInlineSize, metadata.size)));
  return metadata;
}

SecretBytes EncodeMetadata(const Metadata& metadata) {
  const std::size_t inline_size = std::min<std::size_t>(kInlineSize, metadata.size);
  if (metadata.path.size() > kMaxPathSize || metadata.first_bytes.size() != inline_size)
    std::abort();
  SecretBytes plain(kMetadataSize);
  const auto out = plain.RevealWritable();
  std::ranges::copy(metadata.path, out.begin());
  Writer size;
  size.U64Le(metadata.size);
  std::ranges::copy(size.bytes(), out.subspan(kPathField).begin());
  if (metadata.size > kInlineSize)
    std::ranges::copy(metadata.root.bytes(), out.subspan(kPathField + 8).begin());
  std::ranges::copy(metadata.first_bytes.Reveal(),
                    out.subspan(kMetadataSize - kInlineSize).begin());
  return plain;
}

}  // namespace strongroom::pfs
