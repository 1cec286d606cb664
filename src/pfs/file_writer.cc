#include "pfs/file_writer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "pfs/path.h"

namespace strongroom::pfs {
namespace {

// How many segments in a row a thread takes: between two runs a batch is written in two parts.
constexpr std::uint64_t kRunSegments = 16;

constexpr std::size_t PaddedSize(std::size_t bytes) {
  return (bytes + kNodeSize - 1) / kNodeSize * kNodeSize;
}

Status WriteMetadata(const Metadata& metadata, const WrapKey& key, Format format,
                     NodeCipher& cipher, Sink& sink, Entropy& entropy) {
  Bytes node(kNodeSize);
  RETURN_IF_ERROR(cipher.SealMetadata(metadata, key, Header{.format = format}, node, entropy));
  return sink.WriteAt(0, node);
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

std::span<std::uint8_t> SegmentWriter::Place(std::uint64_t number, std::size_t nodes) {
  return std::span(sealed_).subspan(number % kPlaces * kNodeSize, nodes * kNodeSize);
}

// Grown when it is needed: most files of a tree never fill a batch.
void SegmentWriter::MakeRoom(std::uint64_t begin, std::uint64_t end) {
  const bool wraps = end - begin > kPlaces - begin % kPlaces;
  const std::size_t places =
      wraps ? kPlaces : static_cast<std::size_t>(begin % kPlaces + (end - begin));
  if (sealed_.size() < places * kNodeSize) sealed_.resize(places * kNodeSize);
}

Status SegmentWriter::Write(std::uint64_t segment, ByteView plain) {
  const std::uint64_t number = MhtNodeNumber(segment);
  const std::uint64_t end = number + 1 + plain.size() / kNodeSize;
  if (number != sealed_end_) {
    RETURN_IF_ERROR(Flush());
    sealed_begin_ = number;
  }
  MakeRoom(number, end);
  MhtNode node;
  RETURN_IF_ERROR(SealData(number + 1, plain, node));
  ASSIGN_OR_RETURN(const bool in_place,
                   tree_.Add(segment, std::move(node), Place(number, 1), cipher_));
  if (!in_place) {
    RETURN_IF_ERROR(WriteUpTo(number));
    sealed_begin_ = number + 1;
  }
  sealed_end_ = end;
  return WriteUpTo(end - end % kBatchNodes);
}

Status SegmentWriter::SealData(std::uint64_t number, ByteView plain, MhtNode& node) {
  for (std::size_t slot = 0; !plain.empty();) {
    const std::size_t nodes = std::min(plain.size() / kNodeSize, BatchFrom(number));
    const std::size_t batch = nodes * kNodeSize;
    RETURN_IF_ERROR(cipher_.SealNodes(plain.first(batch), Place(number, nodes),
                                      node.WritableData(slot, nodes), entropy_));
    plain = plain.subspan(batch);
    slot += nodes;
    number += nodes;
  }
  return {};
}

Status SegmentWriter::WriteUpTo(std::uint64_t end) {
  while (sealed_begin_ < end) {
    const auto nodes = static_cast<std::size_t>(
        std::min<std::uint64_t>(end - sealed_begin_, BatchFrom(sealed_begin_)));
    RETURN_IF_ERROR(sink_.WriteAt(sealed_begin_ * kNodeSize, Place(sealed_begin_, nodes)));
    sealed_begin_ += nodes;
  }
  return {};
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
  RETURN_IF_ERROR(shared_->segments.Flush());
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
  RETURN_IF_ERROR(bulk.Report(metadata.first_bytes.size()));

  HashTreeWriter tree(sink, entropy, geometry.mht_nodes);
  const auto make_worker = [&]() -> Worker {
    return [&, copier = std::make_shared<SegmentCopier>(sink, entropy, tree)](
               std::uint64_t run) -> Status {
      const std::uint64_t end = std::min(geometry.mht_nodes, (run + 1) * kRunSegments);
      for (std::uint64_t segment = run * kRunSegments; segment < end; ++segment) {
        RETURN_IF_ERROR(copier->Copy(plain, geometry, segment));
        RETURN_IF_ERROR(bulk.Report(geometry.PlaintextIn(segment)));
      }
      return copier->segments.Flush();
    };
  };
  const std::uint64_t runs = (geometry.mht_nodes + kRunSegments - 1) / kRunSegments;
  RETURN_IF_ERROR(ForEachItem(runs, bulk.threads, make_worker));

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
