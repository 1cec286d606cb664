#include "pfs/layout.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace strongroom::pfs {
namespace {

constexpr std::uint64_t CeilDiv(std::uint64_t a, std::uint64_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}

constexpr std::uint64_t kMaxFileSize = std::numeric_limits<std::int64_t>::max();

}  // namespace

std::size_t Geometry::PlaintextIn(std::uint64_t segment) const {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(kSegmentPlaintext, plaintext_size - PlaintextOffset(segment)));
}

Result<Geometry> GeometryOf(std::uint64_t plaintext_size) {
  Geometry geometry{.plaintext_size = plaintext_size};
  if (plaintext_size <= kInlineSize) return geometry;
  geometry.data_nodes = CeilDiv(plaintext_size - kInlineSize, kNodeSize);
  geometry.mht_nodes = CeilDiv(geometry.data_nodes, kDataPerMht);
  // No sum here overflows: a 64-bit size has under 2^52 data nodes.
  if (geometry.nodes() > kMaxFileSize / kNodeSize) {
    return Exhausted(fmt::format("a plaintext of {} bytes makes a file larger than 2^63 - 1 bytes",
                                 plaintext_size));
  }
  return geometry;
}

}  // namespace strongroom::pfs
