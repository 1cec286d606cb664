#include "net/frame_walk.h"

#include <algorithm>

namespace strongroom::net {
namespace {

constexpr std::uint8_t kData = 0x0;    // RFC 9113, 6.1
constexpr std::uint8_t kPadded = 0x8;  // of its flags

}  // namespace

void FrameWalk::Advance(ByteView bytes) {
  while (!bytes.empty()) {
    if (left_ != 0) {
      const std::size_t n = std::min(left_, bytes.size());
      left_ -= n;
      bytes = bytes.subspan(n);
      continue;
    }
    const std::size_t n = std::min(kHeader - header_size_, bytes.size());
    std::ranges::copy(bytes.first(n), header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    header_size_ += n;
    bytes = bytes.subspan(n);
    if (header_size_ == kHeader) Begin();
  }
}

void FrameWalk::Begin() {
  header_size_ = 0;
  left_ = std::size_t{header_[0]} << 16 | std::size_t{header_[1]} << 8 | header_[2];
  in_data_ = header_[3] == kData && (header_[4] & kPadded) == 0;
  stream_ = static_cast<std::int32_t>((header_[5] & 0x7fU) << 24 | std::uint32_t{header_[6]} << 16 |
                                      std::uint32_t{header_[7]} << 8 | header_[8]);
}

}  // namespace strongroom::net
