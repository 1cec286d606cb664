#include "pfs/hash_tree_writer.h"

#include <algorithm>
#include <utility>

namespace strongroom::pfs {

Result<bool> HashTreeWriter::Add(std::uint64_t k, MhtNode node, std::span<std::uint8_t> place,
                                 NodeCipher& cipher) {
  if (Waits(k)) {
    state_.With([&](State& state) {
      if (state.waiting.size() <= k) state.waiting.resize(k + 1);
      state.waiting[k] = std::move(node);
    });
    return false;
  }
  NodeRecord record;
  RETURN_IF_ERROR(cipher.Seal(node.bytes(), place, record.writable(), entropy_));
  state_.With([&](State& state) {
    if (state.records.size() <= k) state.records.resize(k + 1);
    state.records[k] = std::move(record);
  });
  return true;
}

Result<NodeRecord> HashTreeWriter::Finish(std::uint64_t count, NodeCipher& cipher) {
  // The threads that added are gone: what they left is this call's alone.
  State state = state_.With([](State& shared) { return std::exchange(shared, State{}); });
  state.records.resize(count);
  for (std::uint64_t k = count; k-- > 0;) {
    const bool has_children = FirstChildOf(k) < count;
    if (!Waits(k) && !has_children) continue;  // sealed for good when it was added
    ASSIGN_OR_RETURN(MhtNode node, TakeBack(k, state, cipher));
    const std::uint64_t end = std::min(count, FirstChildOf(k) + kChildrenPerMht);
    for (std::uint64_t child = FirstChildOf(k); child < end; ++child) {
      std::ranges::copy(state.records[child].bytes(),
                        node.WritableChild(ChildSlotOf(child)).begin());
    }
    ASSIGN_OR_RETURN(state.records[k], SealAndWrite(k, node, cipher));
  }
  return std::move(state.records[0]);
}

Result<NodeRecord> HashTreeWriter::SealAndWrite(std::uint64_t k, const MhtNode& node,
                                                NodeCipher& cipher) {
  NodeRecord record;
  Bytes sealed(kNodeSize);
  RETURN_IF_ERROR(cipher.Seal(node.bytes(), sealed, record.writable(), entropy_));
  RETURN_IF_ERROR(sink_.WriteAt(MhtNodeNumber(k) * kNodeSize, sealed));
  return record;
}

Result<MhtNode> HashTreeWriter::TakeBack(std::uint64_t k, State& state, NodeCipher& cipher) {
  if (Waits(k)) return std::move(*state.waiting[k]);
  MhtNode node;
  Bytes sealed(kNodeSize);
  RETURN_IF_ERROR(sink_.ReadAt(MhtNodeNumber(k) * kNodeSize, sealed));
  const NodeRecord& record = state.records[k];
  RETURN_IF_ERROR(In("reading back what was written",
                     cipher.Open(record.key(), record.tag(), sealed, node.writable())));
  return node;
}

}  // namespace strongroom::pfs
