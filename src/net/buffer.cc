#include "net/buffer.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace strongroom::net {
namespace {

constexpr std::size_t kSmallest = 4096;
constexpr std::size_t kLargestKept = 4 << 20;
constexpr std::size_t kKeptBytes = 64 << 20;

// Blocks of power-of-two sizes waiting for their next message. A fresh block of 600 KB costs 150
// page faults, more than decrypting what goes into it.
class Pool {
 public:
  void* Take(std::size_t size) {
    {
      const std::lock_guard lock(mutex_);
      auto& shelf = ShelfOf(size);
      if (!shelf.empty()) {
        void* const block = shelf.back();
        shelf.pop_back();
        kept_ -= size;
        return block;
      }
    }
    return ::operator new(size, std::align_val_t{Buffer::kAlignment});
  }

  void Give(void* block, std::size_t size) {
    if (size <= kLargestKept) {
      const std::lock_guard lock(mutex_);
      if (kept_ + size <= kKeptBytes) {
        ShelfOf(size).push_back(block);
        kept_ += size;
        return;
      }
    }
    ::operator delete(block, std::align_val_t{Buffer::kAlignment});
  }

 private:
  std::vector<void*>& ShelfOf(std::size_t size) {
    const auto index = static_cast<std::size_t>(std::countr_zero(size));
    if (index >= shelves_.size()) shelves_.resize(index + 1);
    return shelves_[index];
  }

  std::mutex mutex_;
  std::vector<std::vector<void*>> shelves_;
  std::size_t kept_ = 0;
};

// Never destroyed: buffers may outlive every static.
Pool& ThePool() {
  static Pool& pool = *new Pool;
  return pool;
}

}  // namespace

Buffer::Buffer(Buffer&& other) noexcept
    : block_(std::exchange(other.block_, nullptr)),
      block_size_(std::exchange(other.block_size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)),
      size_(std::exchange(other.size_, 0)),
      lead_(other.lead_),
      budget_(std::move(other.budget_)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  Free();
  block_ = std::exchange(other.block_, nullptr);
  block_size_ = std::exchange(other.block_size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  size_ = std::exchange(other.size_, 0);
  lead_ = other.lead_;
  budget_ = std::move(other.budget_);
  return *this;
}

Buffer::~Buffer() { Free(); }

void Buffer::Free() {
  if (block_ == nullptr) return;
  ThePool().Give(block_, block_size_);
  if (budget_) budget_->Give(block_size_);
  block_ = nullptr;
}

std::size_t Buffer::BlockSize(std::size_t capacity) {
  return std::bit_ceil(std::max(capacity + kAlignment, kSmallest));
}

void Buffer::Reserve(std::size_t capacity) {
  if (!TryReserve(capacity)) std::abort();  // filled beyond what was reserved
}

// While it moves, the new block alone is charged: the old one is gone before anything else happens.
bool Buffer::TryReserve(std::size_t capacity) {
  if (capacity <= capacity_) return true;
  const std::size_t size = BlockSize(capacity);
  if (budget_ && !budget_->Take(size - block_size_)) return false;
  auto* const block = static_cast<std::uint8_t*>(ThePool().Take(size));
  const std::size_t offset = lead_ == 0 ? 0 : kAlignment - lead_;
  if (size_ != 0) std::memcpy(block + offset, data(), size_);
  if (block_ != nullptr) ThePool().Give(block_, block_size_);
  block_ = block;
  block_size_ = size;
  capacity_ = size - offset;
  return true;
}

void Buffer::Grow(std::size_t n) {
  if (n > capacity_ - size_) std::abort();  // written beyond the block
  size_ += n;
}

void Buffer::Append(ByteView bytes) {
  if (bytes.empty()) return;
  if (bytes.data() == spare().data() && bytes.size() <= spare().size()) return Grow(bytes.size());
  if (bytes.size() > capacity_ - size_) Reserve(std::max(size_ + bytes.size(), capacity_ * 2));
  std::memcpy(block_ + Offset() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

}  // namespace strongroom::net
