#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/entropy.h"
#include "base/guarded.h"
#include "pfs/node_cipher.h"
#include "pfs/storage.h"

namespace strongroom::pfs {

// The MHT nodes of a file that is being written. A node can be sealed for good only when its
// children are, and which nodes have children is known only at the end. So the first nodes, which
// will have some, wait in memory; the others are sealed and written at once as if they had none,
// and the few that got children after all are read back at the end. Memory stays at 4 MiB and some
// 100 bytes for each 384 KiB of plaintext.
class HashTreeWriter {
 public:
  static constexpr std::uint64_t kWaiting = 1024;  // their children cover 12 GiB

  // All borrowed for life. `waiting`, at least 1, is for tests.
  HashTreeWriter(Sink& sink, Entropy& entropy, std::uint64_t waiting = kWaiting)
      : sink_(sink), entropy_(entropy), waiting_(waiting) {}

  // Takes MHT node k with the records of its data nodes. Safe from many threads, each with its own
  // cipher, in any order.
  Status Add(std::uint64_t k, MhtNode node, NodeCipher& cipher);

  // When nodes 0 to `count` - 1 were added: seals what waits, from the last to the root. The root's
  // record; call once.
  Result<NodeRecord> Finish(std::uint64_t count, NodeCipher& cipher);

 private:
  struct State {
    std::vector<std::optional<MhtNode>> waiting;
    std::vector<NodeRecord> records;
  };

  Result<NodeRecord> SealAndWrite(std::uint64_t k, const MhtNode& node, NodeCipher& cipher);
  Result<MhtNode> TakeBack(std::uint64_t k, State& state, NodeCipher& cipher);

  Sink& sink_;
  Entropy& entropy_;
  const std::uint64_t waiting_;
  Guarded<State> state_;
};

}  // namespace strongroom::pfs
