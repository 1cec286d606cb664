#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/entropy.h"
#include "base/guarded.h"
#include "pfs/node_cipher.h"
#include "pfs/storage.h"

namespace strongroom::pfs {

// The MHT nodes of a file that is being written. A node can be sealed for good only when its
// children are, and which nodes have children is known at the end, or from the beginning when the
// file's size is. So the first nodes that will have some, or may, wait in memory; the others are
// sealed at once as if they had none, and the few that got children after all are read back at the
// end. Memory stays at 4 MiB and some 100 bytes for each 384 KiB of plaintext.
class HashTreeWriter {
 public:
  static constexpr std::uint64_t kWaiting = 1024;  // their children cover 12 GiB

  // All borrowed for life. `count` is how many nodes there will be, where that is known; `waiting`,
  // at least 1, is for tests.
  HashTreeWriter(Sink& sink, Entropy& entropy, std::optional<std::uint64_t> count = std::nullopt,
                 std::uint64_t waiting = kWaiting)
      : sink_(sink), entropy_(entropy), count_(count), waiting_(waiting) {}

  // Takes MHT node k with the records of its data nodes. True: it was sealed into `place`, and the
  // caller writes it before Finish; false: Finish does. Safe from many threads, each with its own
  // cipher, in any order.
  Result<bool> Add(std::uint64_t k, MhtNode node, std::span<std::uint8_t> place,
                   NodeCipher& cipher);

  // When nodes 0 to `count` - 1 were added: seals what waits, from the last to the root. The root's
  // record; call once.
  Result<NodeRecord> Finish(std::uint64_t count, NodeCipher& cipher);

 private:
  struct State {
    std::vector<std::optional<MhtNode>> waiting;
    std::vector<NodeRecord> records;
  };

  // Whether node k is kept in memory until Finish.
  bool Waits(std::uint64_t k) const {
    return k < waiting_ && (!count_ || FirstChildOf(k) < *count_);
  }
  Result<NodeRecord> SealAndWrite(std::uint64_t k, const MhtNode& node, NodeCipher& cipher);
  Result<MhtNode> TakeBack(std::uint64_t k, State& state, NodeCipher& cipher);

  Sink& sink_;
  Entropy& entropy_;
  const std::optional<std::uint64_t> count_;
  const std::uint64_t waiting_;
  Guarded<State> state_;
};

}  // namespace strongroom::pfs
