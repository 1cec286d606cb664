#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace strongroom::pfs {

// Where the bytes of a protected file lie (docs/formats/protected-files.md). A file is a row of
// 4096-byte nodes: node 0 holds the metadata and the first 3072 plaintext bytes; the rest of the
// plaintext is cut into data nodes. A tree of MHT nodes holds key and tag of every data node and of
// every MHT node but the root. MHT node k and its up to 96 data nodes are neighbours on disk:
// together they are segment k.
inline constexpr std::size_t kNodeSize = 4096;
inline constexpr std::size_t kInlineSize = 3072;
inline constexpr std::size_t kDataPerMht = 96;
inline constexpr std::size_t kChildrenPerMht = 32;
inline constexpr std::size_t kKeySize = 16;
inline constexpr std::size_t kTagSize = 16;
inline constexpr std::size_t kRecordSize = kKeySize + kTagSize;
inline constexpr std::size_t kSegmentPlaintext = kDataPerMht * kNodeSize;
inline constexpr std::size_t kSegmentNodes = 1 + kDataPerMht;

// How many nodes a plaintext takes.
struct Geometry {
  std::uint64_t plaintext_size = 0;
  std::uint64_t data_nodes = 0;
  std::uint64_t mht_nodes = 0;

  std::uint64_t nodes() const { return 1 + mht_nodes + data_nodes; }
  std::uint64_t file_size() const { return nodes() * kNodeSize; }

  // Of segment k < mht_nodes: where its plaintext starts, and how much it is (96 data nodes of it
  // but in the last one).
  std::uint64_t PlaintextOffset(std::uint64_t segment) const {
    return kInlineSize + segment * kSegmentPlaintext;
  }
  std::size_t PlaintextIn(std::uint64_t segment) const;

  friend bool operator==(const Geometry&, const Geometry&) = default;
};

// kExhausted when the file would pass 2^63 - 1 bytes.
Result<Geometry> GeometryOf(std::uint64_t plaintext_size);

// Node numbers on disk of MHT node k and of data node d, both counted from 0.
constexpr std::uint64_t MhtNodeNumber(std::uint64_t k) { return 1 + kSegmentNodes * k; }
constexpr std::uint64_t DataNodeNumber(std::uint64_t d) { return d + 2 + d / kDataPerMht; }

// How many nodes from `node_number` on are read or written at once: 256 KiB at most, which is half
// of a small second-level cache, and never across a multiple of that in the file. A page cache then
// keeps them in few large pieces, which makes every later access cheaper.
inline constexpr std::size_t kBatchNodes = 64;
constexpr std::size_t BatchFrom(std::uint64_t node_number) {
  return kBatchNodes - static_cast<std::size_t>(node_number % kBatchNodes);
}

// MHT node k >= 1 is described by its parent, in this child slot.
constexpr std::uint64_t ParentOf(std::uint64_t k) { return (k - 1) / kChildrenPerMht; }
constexpr std::size_t ChildSlotOf(std::uint64_t k) {
  return static_cast<std::size_t>((k - 1) % kChildrenPerMht);
}
constexpr std::uint64_t FirstChildOf(std::uint64_t k) { return k * kChildrenPerMht + 1; }

}  // namespace strongroom::pfs
