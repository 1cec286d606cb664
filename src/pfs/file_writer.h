#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/entropy.h"
#include "pfs/hash_tree_writer.h"
#include "pfs/metadata.h"
#include "pfs/node_cipher.h"
#include "pfs/parallel.h"
#include "pfs/storage.h"

namespace strongroom::pfs {

struct WriteOptions {
  std::string_view
      path;  // embedded, normalized (path.h); what readers compare with the name they expect
  Format format = Format::kGramine2;
};

// Seals one segment after another and writes them. One for each thread.
//
// Nodes are written in whole batches (layout.h) wherever segments follow each other, each MHT node
// together with its data: a page cache then keeps the file in few large pieces, and nothing is
// written twice. What does not fill a batch waits for the next segment or for Flush.
class SegmentWriter {
 public:
  // All borrowed for life.
  SegmentWriter(Sink& sink, Entropy& entropy, HashTreeWriter& tree)
      : sink_(sink), entropy_(entropy), tree_(tree) {}

  // `plain` is the segment's plaintext, padded with zeros to whole nodes.
  Status Write(std::uint64_t segment, ByteView plain);
  // After the last segment: writes what waits.
  Status Flush() { return WriteUpTo(sealed_end_); }

  NodeCipher& cipher() { return cipher_; }

 private:
  // Room for what does not fill a batch and one segment more. Node n lies in place n modulo this,
  // so that a batch is never cut in two.
  static constexpr std::size_t kPlaces = 3 * kBatchNodes;
  static_assert(kPlaces >= kBatchNodes + kSegmentNodes);

  std::span<std::uint8_t> Place(std::uint64_t number, std::size_t nodes);
  void MakeRoom(std::uint64_t begin, std::uint64_t end);
  Status SealData(std::uint64_t number, ByteView plain, MhtNode& node);
  Status WriteUpTo(std::uint64_t end);

  Sink& sink_;
  Entropy& entropy_;
  HashTreeWriter& tree_;
  NodeCipher cipher_;
  Bytes sealed_;
  // Node numbers: what is sealed and not written yet.
  std::uint64_t sealed_begin_ = 0;
  std::uint64_t sealed_end_ = 0;
};

// Writes a protected file from front to back; its size need not be known before. Holds a
// megabyte and the hash tree's share (hash_tree_writer.h). Until Finish succeeded there is no node
// 0, so nothing can be taken for a file.
class FileWriter {
 public:
  // `sink` is empty, and borrowed for life like `entropy`. kMalformed when the path does not fit
  // the format.
  static Result<FileWriter> Create(Sink& sink, const WrapKey& key, Entropy& entropy,
                                   const WriteOptions& options);

  // After a failure only destruction makes sense.
  Status Append(ByteView plain);
  Status Finish();

 private:
  struct Shared {  // what segment writers point to; stays where it is when the writer moves
    Shared(Sink& s, Entropy& e) : sink(s), entropy(e), tree(s, e), segments(s, e, tree) {}
    Sink& sink;
    Entropy& entropy;
    HashTreeWriter tree;
    SegmentWriter segments;
  };
  FileWriter(std::unique_ptr<Shared> shared, WrapKey key, Format format, std::string path);

  ByteView TakeFirstBytes(ByteView plain);
  Status FlushSegment();

  std::unique_ptr<Shared> shared_;
  WrapKey key_;
  Format format_;
  Metadata metadata_;
  SecretBytes buffer_;  // the plaintext of the segment that is being filled
  std::size_t buffered_ = 0;
  std::uint64_t segment_ = 0;
};

// Encrypts all of `plain` into an empty sink with some threads; both take accesses from many
// threads, as does `entropy`. kConflict when the source changes its size meanwhile.
Status EncryptAll(const Source& plain, Sink& sink, const WrapKey& key, Entropy& entropy,
                  const WriteOptions& options, const BulkOptions& bulk = {});

}  // namespace strongroom::pfs
