#include "serving/core/buffer.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "base/secret.h"

namespace strongroom::serving {
namespace {

// Far above any machine's memory: what is larger comes from a wrong number, not from a large model.
constexpr std::size_t kMaxSize = std::size_t{1} << 39;

}  // namespace

Result<Buffer> Buffer::Allocate(std::size_t size, Secrecy secrecy,
                                std::pmr::memory_resource* memory) {
  Buffer out;
  out.secrecy_ = secrecy;
  if (size == 0) return out;
  if (size > kMaxSize) return Exhausted(fmt::format("no memory for {} bytes", size));
  try {
    out.data_ = static_cast<std::uint8_t*>(memory->allocate(size, kAlignment));
  } catch (const std::bad_alloc&) {
    return Exhausted(fmt::format("no memory for {} bytes", size));
  }
  out.size_ = size;
  out.memory_ = memory;
  std::memset(out.data_, 0, size);
  return out;
}

Result<Buffer> Buffer::Copy(ByteView bytes, Secrecy secrecy) {
  ASSIGN_OR_RETURN(Buffer out, Allocate(bytes.size(), secrecy));
  std::copy(bytes.begin(), bytes.end(), out.data_);
  return out;
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      secrecy_(other.secrecy_),
      memory_(std::exchange(other.memory_, nullptr)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  Release();
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  secrecy_ = other.secrecy_;
  memory_ = std::exchange(other.memory_, nullptr);
  return *this;
}

void Buffer::Release() {
  if (data_ == nullptr) return;
  if (secrecy_ == Secrecy::kConfidential) Wipe({data_, size_});
  memory_->deallocate(data_, size_, kAlignment);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace strongroom::serving
