#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "pfs/layout.h"
#include "pfs/metadata.h"
#include "pfs/node_cipher.h"
#include "pfs/storage.h"

namespace strongroom::pfs {

// A protected file whose metadata and root were verified. Never changes; many node readers share
// it.
struct OpenedFile {
  const Source& source;
  Header header;
  Metadata metadata;
  Geometry geometry;
  std::uint64_t host_size;
  MhtNode root;  // MHT node 0; zeros when there is none
};

// Fetches and verifies data nodes. Memory is bounded whatever the file's size: it keeps the MHT
// nodes it met last, a few of each level. One for each thread.
class NodeReader {
 public:
  // `file` is borrowed for life.
  explicit NodeReader(const OpenedFile& file);

  // Decrypts consecutive data nodes of one segment, from data node `first` on, as many as `out`
  // begins to cover; the last one may be cut. Findings kTamperedNode, kTruncated; nothing
  // unverified is left in `out`.
  Status Read(std::uint64_t first, std::span<std::uint8_t> out);

 private:
  static constexpr std::size_t kKeptOfALevel = 8;
  struct Kept {
    std::uint64_t number = 0;  // 0, the root, is never kept here: free
    MhtNode node;
  };

  Result<const MhtNode*> Mht(std::uint64_t k);
  Kept& PlaceFor(std::uint64_t k);
  Status ReadBatch(const MhtNode& mht, std::uint64_t first, std::span<std::uint8_t> out);
  Status OpenDataNode(ByteView record, std::uint64_t d, ByteView sealed,
                      std::span<std::uint8_t> out);
  Result<ByteView> Fetch(std::uint64_t node_number, std::uint64_t count);

  const OpenedFile& file_;
  NodeCipher cipher_;
  Bytes sealed_;
  SecretBytes cut_;  // the last node, when only its beginning is wanted
  std::vector<std::array<Kept, kKeptOfALevel>> levels_;
};

}  // namespace strongroom::pfs
