#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace strongroom::net {

// Follows where in the sequence of HTTP/2 frames (RFC 9113, 4.1) a stream of bytes stands, so that
// the rest of a large DATA frame can be read straight to where it belongs. Judges nothing.
class FrameWalk {
 public:
  // `preface` bytes come before the first frame.
  explicit FrameWalk(std::size_t preface) : left_(preface) {}

  void Advance(ByteView bytes);

  // How much is missing of the unpadded DATA frame that the next byte lies in; 0 when it lies
  // elsewhere.
  std::size_t data_left() const { return in_data_ ? left_ : 0; }
  // Of that frame.
  std::int32_t stream() const { return stream_; }

 private:
  static constexpr std::size_t kHeader = 9;

  void Begin();

  std::array<std::uint8_t, kHeader> header_{};
  std::size_t header_size_ = 0;  // how much of the next frame's header has come
  std::size_t left_;             // of the preface or the frame's payload
  std::int32_t stream_ = 0;
  bool in_data_ = false;
};

}  // namespace strongroom::net
