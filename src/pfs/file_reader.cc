#include "pfs/file_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "pfs/finding.h"
#include "pfs/path.h"

namespace strongroom::pfs {
namespace {

// Step 1 of Gramine's order. A size that no protected file has still tells whether this once was
// one.
Result<std::uint64_t> CheckHostSize(const Source& source) {
  ASSIGN_OR_RETURN(const std::uint64_t size, source.Size());
  if (size != 0 && size % kNodeSize == 0) return size;
  Bytes beginning(std::min<std::uint64_t>(size, kNodeSize));
  RETURN_IF_ERROR(source.ReadAt(0, beginning));
  RETURN_IF_ERROR(ParseHeader(beginning));
  return Refuse(Finding::kTruncated,
                fmt::format("a file of {} bytes, wanted a multiple of {}: its end is missing", size,
                            kNodeSize));
}

Status CheckPath(const std::string& embedded, std::string_view expected) {
  ASSIGN_OR_RETURN(const std::string wanted, NormalizePath(expected));
  if (embedded == wanted) return {};
  return Refuse(Finding::kWrongPath,
                fmt::format("the file was encrypted as \"{}\", wanted \"{}\"", embedded, wanted));
}

Status CheckNodeCount(const Geometry& geometry, std::uint64_t host_size) {
  if (host_size >= geometry.file_size()) return {};
  return Refuse(
      Finding::kTruncated,
      fmt::format("{} nodes of {} bytes, wanted {} for a plaintext of {} bytes",
                  host_size / kNodeSize, kNodeSize, geometry.nodes(), geometry.plaintext_size));
}

Status OpenRoot(const Source& source, const NodeRecord& record, NodeCipher& cipher, MhtNode& root) {
  Bytes sealed(kNodeSize);
  RETURN_IF_ERROR(source.ReadAt(MhtNodeNumber(0) * kNodeSize, sealed));
  const Status opened = cipher.Open(record.key(), record.tag(), sealed, root.writable());
  if (!opened && opened.error().code() == Code::kUntrusted) {
    return Refuse(
        Finding::kTamperedNode,
        "node 1 of the file (the hash tree's root) is not the one that was written there");
  }
  return opened;
}

}  // namespace

Result<FileReader> FileReader::Open(const Source& source, const WrapKey& key,
                                    std::optional<std::string_view> expected_path) {
  ASSIGN_OR_RETURN(const std::uint64_t host_size, CheckHostSize(source));
  Bytes first_node(kNodeSize);
  RETURN_IF_ERROR(source.ReadAt(0, first_node));
  ASSIGN_OR_RETURN(const Header header, ParseHeader(first_node));
  NodeCipher cipher;
  ASSIGN_OR_RETURN(Metadata metadata, cipher.OpenMetadata(first_node, header, key));
  if (expected_path.has_value()) RETURN_IF_ERROR(CheckPath(metadata.path, *expected_path));
  ASSIGN_OR_RETURN(const Geometry geometry, GeometryOf(metadata.size));
  RETURN_IF_ERROR(CheckNodeCount(geometry, host_size));
  MhtNode root;
  if (geometry.mht_nodes > 0) RETURN_IF_ERROR(OpenRoot(source, metadata.root, cipher, root));
  return FileReader(std::make_unique<const OpenedFile>(
      OpenedFile{source, header, std::move(metadata), geometry, host_size, std::move(root)}));
}

FileReader::FileReader(std::unique_ptr<const OpenedFile> file)
    : file_(std::move(file)), nodes_(std::make_unique<NodeReader>(*file_)), node_(kNodeSize) {}

Status FileReader::Read(std::uint64_t offset, std::span<std::uint8_t> out) {
  if (offset > size() || out.size() > size() - offset) {
    return Malformed(fmt::format("bytes {} to {} asked of a file of {} bytes", offset,
                                 offset + out.size(), size()));
  }
  Status read = ReadPart(offset, out);
  if (!read) Wipe(out);
  return read;
}

Status FileReader::ReadPart(std::uint64_t offset, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    std::size_t n = 0;
    if (offset < kInlineSize) {
      const ByteView rest = file_->metadata.first_bytes.Reveal().subspan(offset);
      n = std::min(out.size(), rest.size());
      CopyBytes(rest.first(n), out);
    } else {
      const std::uint64_t d = (offset - kInlineSize) / kNodeSize;
      const std::size_t skip = (offset - kInlineSize) % kNodeSize;
      const bool to_the_end = offset + out.size() == size();
      if (skip == 0 && (out.size() >= kNodeSize || to_the_end)) {
        n = std::min(out.size(), (kDataPerMht - d % kDataPerMht) * kNodeSize);
        if (!to_the_end) n -= n % kNodeSize;
        RETURN_IF_ERROR(nodes_->Read(d, out.first(n)));
      } else {
        n = std::min(out.size(), kNodeSize - skip);
        RETURN_IF_ERROR(ReadInsideNode(d, skip, out.first(n)));
      }
    }
    offset += n;
    out = out.subspan(n);
  }
  return {};
}

Status FileReader::ReadInsideNode(std::uint64_t d, std::size_t skip, std::span<std::uint8_t> out) {
  if (node_number_ != d) {
    node_number_.reset();
    RETURN_IF_ERROR(nodes_->Read(d, node_.RevealWritable()));
    node_number_ = d;
  }
  CopyBytes(node_.Reveal().subspan(skip, out.size()), out);
  return {};
}

Status FileReader::ReadAll(std::span<std::uint8_t> out, const BulkOptions& options) const {
  if (out.size() != size()) {
    return Malformed(
        fmt::format("room for {} bytes, wanted {}, the file's size", out.size(), size()));
  }
  const ByteView first = file_->metadata.first_bytes.Reveal();
  CopyBytes(first, out);
  const Geometry& geometry = file_->geometry;
  const auto make_worker = [&]() -> Worker {
    return [&, nodes = std::make_shared<NodeReader>(*file_)](std::uint64_t segment) -> Status {
      const std::size_t length = geometry.PlaintextIn(segment);
      RETURN_IF_ERROR(nodes->Read(segment * kDataPerMht,
                                  out.subspan(geometry.PlaintextOffset(segment), length)));
      return options.Report(length);
    };
  };
  Status done = options.Report(first.size());
  if (done) done = ForEachItem(geometry.mht_nodes, options.threads, make_worker);
  if (!done) Wipe(out);
  return done;
}

Status FileReader::CopyTo(Sink& sink, const BulkOptions& options) const {
  const ByteView first = file_->metadata.first_bytes.Reveal();
  RETURN_IF_ERROR(sink.Reserve(size()));
  RETURN_IF_ERROR(sink.WriteAt(0, first));
  RETURN_IF_ERROR(options.Report(first.size()));
  const Geometry& geometry = file_->geometry;
  const auto make_worker = [&]() -> Worker {
    struct Own {  // shared_ptr below: a std::function must be copyable, and these are not
      explicit Own(const OpenedFile& file)
          : nodes(file),
            plain(static_cast<std::size_t>(
                std::min<std::uint64_t>(kSegmentPlaintext, file.metadata.size))) {}
      NodeReader nodes;
      SecretBytes plain;
    };
    return [&, own = std::make_shared<Own>(*file_)](std::uint64_t segment) -> Status {
      const auto plain = own->plain.RevealWritable().first(geometry.PlaintextIn(segment));
      RETURN_IF_ERROR(own->nodes.Read(segment * kDataPerMht, plain));
      RETURN_IF_ERROR(sink.WriteAt(geometry.PlaintextOffset(segment), plain));
      return options.Report(plain.size());
    };
  };
  return ForEachItem(geometry.mht_nodes, options.threads, make_worker);
}

}  // namespace strongroom::pfs
