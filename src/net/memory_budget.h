#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace strongroom::net {

// How much memory may be held at a time: of a whole server, and of one connection as a part of it.
// Safe from any thread; what is charged keeps it alive.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t most, std::shared_ptr<MemoryBudget> whole = nullptr)
      : most_(most), whole_(std::move(whole)) {}

  // False, and nothing is charged, where it is more than is left here or in the whole.
  bool Take(std::size_t bytes) {
    if (held_.fetch_add(bytes) + bytes <= most_ && (!whole_ || whole_->Take(bytes))) return true;
    held_.fetch_sub(bytes);
    return false;
  }
  void Give(std::size_t bytes) {
    held_.fetch_sub(bytes);
    if (whole_) whole_->Give(bytes);
  }
  std::size_t held() const { return held_; }

 private:
  const std::size_t most_;
  const std::shared_ptr<MemoryBudget> whole_;
  std::atomic<std::size_t> held_{0};
};

}  // namespace strongroom::net
