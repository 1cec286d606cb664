#include "pfs/file_writer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "pfs/path.h"

namespace strongroom::pfs {
namespace {

constexpr std::size_t PaddedSize(std::size_t bytes) {
  return (bytes + kNodeSize - 1) / kNodeSize * kNodeSize;
}

Status WriteMetadata(const Metadata& metadata, const WrapKey& key, Format format,
                     NodeCipher& cipher, Sink& sink, Entropy& entropy) {
  Bytes node(kNodeSize);
  RETURN_IF_ERROR(cipher.SealMetadata(metadata, key, Header{.format = format}, node, entropy));
  return sink.WriteAt(0, node);
}

Status Report(const BulkOptions& options, std::uint64_t bytes) {
  return options.on_progress ? options.on_progress(bytes) : Status{};
}

// Reads, pads, seals and writes whole segments of a source.
struct SegmentCopier {
  SegmentCopier(Sink& sink, Entropy& entropy, HashTreeWriter& tree)
      : segments(sink, entropy, tree) {}

  Status Copy(const Source& source, const Geometry& geometry, std::uint64_t segment) {
    const std::size_t length = geometry.PlaintextIn(segment);
    const std::size_t padded = PaddedSize(length);
    const std::uint64_t offset = geometry.PlaintextOffset(segment);
    if (const ByteView view = source.ViewAt(offset, padded); !view.empty() && length == padded) {
      return segments.Write(segment, view);
    }
    if (plain.size() < padded) plain = SecretBytes(padded);
    const auto room = plain.RevealWritable().first(padded);
    RETURN_IF_ERROR(source.ReadAt(offset, room.first(length)));
    std::ranges::fill(room.subspan(length), std::uint8_t{0});
    return segments.Write(segment, room);
  }

  SegmentWriter segments;
  SecretBytes plain;  // made when it is needed: most files of a tree are smaller than a segment
};

}  // namespace

Status SegmentWriter::Write(std::uint64_t segment, ByteView plain) {
  MhtNode node;
  std::uint64_t number = MhtNodeNumber(segment) + 1;
  const std::size_t largest = std::min(plain.size(), kBatchNodes * kNodeSize);
  if (sealed_.size() < largest) sealed_.resize(largest);
  for (std::size_t slot = 0; !plain.empty();) {
    const std::size_t nodes = std::min(plain.size() / kNodeSize, BatchFrom(number));
    const std::size_t batch = nodes * kNodeSize;
    const auto sealed = std::span(sealed_).first(batch);
    RETURN_IF_ERROR(
        cipher_.SealNodes(plain.first(batch), sealed, node.WritableData(slot, nodes), entropy_));
    RETURN_IF_ERROR(sink_.WriteAt(number * kNodeSize, sealed));
    plain = plain.subspan(batch);
    slot += nodes;
    number += nodes;
  }
  return tree_.Add(segment, std::move(node), cipher_);
}

Result<FileWriter> FileWriter::Create(Sink& sink, const WrapKey& key, Entropy& entropy,
                                      const WriteOptions& options) {
  ASSIGN_OR_RETURN(std::string path, NormalizePath(options.path));
  return FileWriter(std::make_unique<Shared>(sink, entropy), key.Clone(), options.format,
                    std::move(path));
}

FileWriter::FileWriter(std::unique_ptr<Shared> shared, WrapKey key, Format format, std::string path)
    : shared_(std::move(shared)),
      key_(std::move(key)),
      format_(format),
      buffer_(kSegmentPlaintext) {
  metadata_.path = std::move(path);
  metadata_.first_bytes = SecretBytes(kInlineSize);
}

ByteView FileWriter::TakeFirstBytes(ByteView plain) {
  if (metadata_.size >= kInlineSize) return plain;
  const std::size_t n = std::min(plain.size(), kInlineSize - metadata_.size);
  CopyBytes(plain.first(n), metadata_.first_bytes.RevealWritable().subspan(metadata_.size));
  metadata_.size += n;
  return plain.subspan(n);
}

Status FileWriter::Append(ByteView plain) {
  plain = TakeFirstBytes(plain);
  while (!plain.empty()) {
    if (buffered_ == 0 &&
        plain.size() >= kSegmentPlaintext) {  // no need to gather what is there already
      RETURN_IF_ERROR(shared_->segments.Write(segment_++, plain.first(kSegmentPlaintext)));
      metadata_.size += kSegmentPlaintext;
      plain = plain.subspan(kSegmentPlaintext);
      continue;
    }
    const std::size_t n = std::min(plain.size(), kSegmentPlaintext - buffered_);
    CopyBytes(plain.first(n), buffer_.RevealWritable().subspan(buffered_));
    buffered_ += n;
    metadata_.size += n;
    plain = plain.subspan(n);
    if (buffered_ == kSegmentPlaintext) RETURN_IF_ERROR(FlushSegment());
  }
  return {};
}

Status FileWriter::FlushSegment() {
  const std::size_t padded = PaddedSize(buffered_);
  std::ranges::fill(buffer_.RevealWritable().subspan(buffered_, padded - buffered_),
                    std::uint8_t{0});
  RETURN_IF_ERROR(shared_->segments.Write(segment_++, buffer_.Reveal().first(padded)));
  buffered_ = 0;
  return {};
}

Status FileWriter::Finish() {
  if (buffered_ > 0) RETURN_IF_ERROR(FlushSegment());
  NodeCipher& cipher = shared_->segments.cipher();
  if (segment_ > 0) {
    ASSIGN_OR_RETURN(metadata_.root, shared_->tree.Finish(segment_, cipher));
  } else {
    metadata_.first_bytes = SecretBytes(metadata_.first_bytes.Reveal().first(metadata_.size));
  }
  return WriteMetadata(metadata_, key_, format_, cipher, shared_->sink, shared_->entropy);
}

Status EncryptAll(const Source& plain, Sink& sink, const WrapKey& key, Entropy& entropy,
                  const WriteOptions& options, const BulkOptions& bulk) {
  Metadata metadata;
  ASSIGN_OR_RETURN(metadata.path, NormalizePath(options.path));
  ASSIGN_OR_RETURN(metadata.size, plain.Size());
  ASSIGN_OR_RETURN(const Geometry geometry, GeometryOf(metadata.size));
  RETURN_IF_ERROR(sink.Reserve(geometry.file_size()));
  metadata.first_bytes = SecretBytes(std::min<std::size_t>(kInlineSize, metadata.size));
  RETURN_IF_ERROR(plain.ReadAt(0, metadata.first_bytes.RevealWritable()));
  RETURN_IF_ERROR(Report(bulk, metadata.first_bytes.size()));

  HashTreeWriter tree(sink, entropy);
  const auto make_worker = [&]() -> Worker {
    return [&, copier = std::make_shared<SegmentCopier>(sink, entropy, tree)](
               std::uint64_t segment) -> Status {
      RETURN_IF_ERROR(copier->Copy(plain, geometry, segment));
      return Report(bulk, geometry.PlaintextIn(segment));
    };
  };
  RETURN_IF_ERROR(ForEachItem(geometry.mht_nodes, bulk.threads, make_worker));

  ASSIGN_OR_RETURN(const std::uint64_t size_now, plain.Size());
  if (size_now != metadata.size) {
    return Conflict(
        fmt::format("the input had {} bytes and has {} now: it changes while it is read",
                    metadata.size, size_now));
  }
  NodeCipher cipher;
  if (geometry.mht_nodes > 0) {
    ASSIGN_OR_RETURN(metadata.root, tree.Finish(geometry.mht_nodes, cipher));
  }
  return WriteMetadata(metadata, key, options.format, cipher, sink, entropy);
}

}  // namespace strongroom::pfs
