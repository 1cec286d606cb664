#include "pfs/node_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "pfs/finding.h"
#include "pfs/prefetch.h"

namespace strongroom::pfs {
namespace {

std::size_t LevelOf(std::uint64_t k) {
  std::size_t level = 0;
  for (; k != 0; k = ParentOf(k)) ++level;
  return level;
}

std::uint64_t NodesCovering(std::size_t bytes) { return (bytes + kNodeSize - 1) / kNodeSize; }

}  // namespace

NodeReader::NodeReader(const OpenedFile& file) : file_(file), cut_(kNodeSize) {
  const std::uint64_t mht_nodes = file.geometry.mht_nodes;
  levels_.resize(mht_nodes > 1 ? LevelOf(mht_nodes - 1) : 0);
}

Status NodeReader::Read(std::uint64_t first, std::span<std::uint8_t> out) {
  const auto mht = Mht(first / kDataPerMht);
  if (!mht) return std::unexpected(mht.error());
  const std::span<std::uint8_t> whole = out;
  while (!out.empty()) {
    const std::size_t nodes = BatchFrom(DataNodeNumber(first));
    const std::size_t batch = std::min(out.size(), nodes * kNodeSize);
    if (Status read = ReadBatch(**mht, first, out.first(batch)); !read) {
      Wipe(whole);
      return read;
    }
    first += nodes;
    out = out.subspan(batch);
  }
  return {};
}

Status NodeReader::ReadBatch(const MhtNode& mht, std::uint64_t first, std::span<std::uint8_t> out) {
  const std::uint64_t count = NodesCovering(out.size());
  ASSIGN_OR_RETURN(const ByteView sealed, Fetch(DataNodeNumber(first), count));
  const bool copied = sealed.data() == sealed_.data();  // else its own memory is waited for, too
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t at = i * kNodeSize;
    const auto rest = out.subspan(std::min(at + kNodeSize, out.size()));
    if (copied) PrefetchToWrite(rest.first(std::min(rest.size(), kNodeSize)));
    RETURN_IF_ERROR(OpenDataNode(mht.Data((first + i) % kDataPerMht), first + i,
                                 sealed.subspan(at, kNodeSize),
                                 out.subspan(at, std::min(kNodeSize, out.size() - at))));
  }
  return {};
}

Status NodeReader::OpenDataNode(ByteView record, std::uint64_t d, ByteView sealed,
                                std::span<std::uint8_t> out) {
  const bool cut = out.size() < kNodeSize;
  const std::span<std::uint8_t> plain = cut ? cut_.RevealWritable() : out;
  if (Status opened = cipher_.Open(record.first(kKeySize), record.last(kTagSize), sealed, plain);
      !opened) {
    if (opened.error().code() != Code::kUntrusted) return opened;
    return Refuse(
        Finding::kTamperedNode,
        fmt::format(
            "node {} of the file (plaintext from offset {}) is not the one that was written there",
            DataNodeNumber(d), kInlineSize + d * kNodeSize));
  }
  if (cut) CopyBytes(cut_.Reveal().first(out.size()), out);
  return {};
}

// An MHT node is verified against its parent, that one against its own, up to the root; what was
// met before is kept.
Result<const MhtNode*> NodeReader::Mht(std::uint64_t k) {
  if (k == 0) return &file_.root;
  Kept& place = PlaceFor(k);
  if (place.number == k) return &place.node;
  ASSIGN_OR_RETURN(const MhtNode* parent, Mht(ParentOf(k)));
  const ByteView record = parent->Child(ChildSlotOf(k));
  place.number = 0;
  ASSIGN_OR_RETURN(const ByteView sealed, Fetch(MhtNodeNumber(k), 1));
  if (Status opened = cipher_.Open(record.first(kKeySize), record.last(kTagSize), sealed,
                                   place.node.writable());
      !opened) {
    if (opened.error().code() != Code::kUntrusted) return std::unexpected(opened.error());
    return Refuse(
        Finding::kTamperedNode,
        fmt::format("node {} of the file (hash tree node {}) is not the one that was written there",
                    MhtNodeNumber(k), k));
  }
  place.number = k;
  return &place.node;
}

NodeReader::Kept& NodeReader::PlaceFor(std::uint64_t k) {
  return levels_[LevelOf(k) - 1][k % kKeptOfALevel];
}

// The size was checked when the file was opened; a file that shrank since is reported as the cut
// file that it is.
Result<ByteView> NodeReader::Fetch(std::uint64_t node_number, std::uint64_t count) {
  const ByteView view = file_.source.ViewAt(node_number * kNodeSize, count * kNodeSize);
  if (!view.empty()) return view;
  // Grown when it is needed: a tree of small files, or memory, never pays for a large file's batch.
  if (sealed_.size() < count * kNodeSize) sealed_.resize(count * kNodeSize);
  const auto sealed = std::span(sealed_).first(count * kNodeSize);
  if (Status read = file_.source.ReadAt(node_number * kNodeSize, sealed); !read) {
    if (read.error().code() != Code::kMalformed) return std::unexpected(read.error());
    return Refuse(Finding::kTruncated, read.error().message());
  }
  return sealed;
}

}  // namespace strongroom::pfs
