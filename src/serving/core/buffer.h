#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>

#include "base/bytes.h"

namespace strongroom::serving {

enum class Secrecy {
  kOrdinary,
  kConfidential,  // overwritten before the memory is given back
};

// Owns memory aligned for vector instructions. Movable, never copied.
class Buffer {
 public:
  static constexpr std::size_t kAlignment = 64;

  Buffer() = default;

  // `size` bytes of zeros. kExhausted when there is no memory. `memory` must outlive the buffer.
  static Result<Buffer> Allocate(
      std::size_t size, Secrecy secrecy,
      std::pmr::memory_resource* memory = std::pmr::new_delete_resource());
  static Result<Buffer> Copy(ByteView bytes, Secrecy secrecy);

  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { Release(); }

  std::span<std::uint8_t> writable() { return {data_, size_}; }
  ByteView view() const { return {data_, size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void Release();

  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  Secrecy secrecy_ = Secrecy::kOrdinary;
  std::pmr::memory_resource* memory_ = nullptr;
};

}  // namespace strongroom::serving
