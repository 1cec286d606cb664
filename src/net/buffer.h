#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "net/memory_budget.h"

namespace strongroom::net {

// A contiguous, growing buffer for message bodies, whose byte at `lead` lies at a 64-byte boundary,
// so that what follows a `lead` bytes long prefix (gRPC: five bytes) can be used as an engine's
// tensor in place. Memory is not zeroed, and large blocks are recycled within the process.
// Move-only.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t lead) : lead_(lead % kAlignment) {}
  // What its memory is charged to, as long as it has it, wherever it is moved. Filled only as far
  // as TryReserve gave room.
  Buffer(std::size_t lead, std::shared_ptr<MemoryBudget> budget)
      : lead_(lead % kAlignment), budget_(std::move(budget)) {}
  explicit Buffer(ByteView copied_from) : Buffer() { Append(copied_from); }
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  // Makes room for `capacity` bytes in all. Memory comes in blocks of powers of two.
  void Reserve(std::size_t capacity);
  // False where the budget has not that much left.
  bool TryReserve(std::size_t capacity);
  // Bytes that lie at the front of spare() already are only counted.
  void Append(ByteView bytes);
  void Append(std::string_view text) { Append(AsBytes(text)); }
  // Memory behind the content, to be filled in place and then counted by Grow.
  std::span<std::uint8_t> spare() { return {block_ + Offset() + size_, capacity_ - size_}; }
  // Takes the first `n` bytes of spare() for content.
  void Grow(std::size_t n);
  // Forgets the content and keeps the memory.
  void Clear() { size_ = 0; }

  ByteView view() const { return {data(), size_}; }
  std::span<std::uint8_t> writable() { return {block_ + Offset(), size_}; }
  const std::uint8_t* data() const { return block_ + Offset(); }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }

  static constexpr std::size_t kAlignment = 64;

 private:
  std::size_t Offset() const { return block_ == nullptr || lead_ == 0 ? 0 : kAlignment - lead_; }
  static std::size_t BlockSize(std::size_t capacity);
  void Free();

  std::uint8_t* block_ = nullptr;  // at a 64-byte boundary
  std::size_t block_size_ = 0;
  std::size_t capacity_ = 0;  // of block_, from Offset() on
  std::size_t size_ = 0;
  std::size_t lead_ = 0;
  std::shared_ptr<MemoryBudget> budget_;  // charged with block_size_; null: nobody's
};

}  // namespace strongroom::net
