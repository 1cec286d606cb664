#include "net/frame_walk.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "net/session_testing.h"

namespace strongroom::net {
namespace {

constexpr std::size_t kPreface = 24;
constexpr std::size_t kHeader = 9;

// What is left of a plain DATA frame, and of which stream, before each byte of `wire`.
struct Position {
  std::size_t data_left;
  std::int32_t stream;
};

std::vector<Position> PositionsIn(const std::vector<Frame>& frames) {
  std::vector<Position> out(kPreface, Position{0, 0});
  for (const Frame& frame : frames) {
    out.insert(out.end(), kHeader, Position{0, 0});
    const bool plain_data = frame.type == kDataFrame && (frame.flags & kPadded) == 0;
    for (std::size_t i = 0; i < frame.payload.size(); ++i) {
      out.push_back(
          {plain_data ? frame.payload.size() - i : 0, static_cast<std::int32_t>(frame.stream)});
    }
  }
  out.push_back({0, 0});
  return out;
}

TEST(FrameWalkTest, KnowsWhereEveryByteLies) {
  const std::vector<Frame> frames = {{kSettingsFrame, 0, 0, ""},
                                     {kHeadersFrame, kEndHeaders, 1, "head"},
                                     {kDataFrame, 0, 1, std::string(70'000, 'a')},
                                     {kDataFrame, 0, 0x7fffffff, ""},
                                     {kDataFrame, kPadded, 3, std::string(300, 'b')},
                                     {kPingFrame, 0, 0, "12345678"},
                                     {kDataFrame, kEndStream, 0x7ffffffd, std::string(300, 'c')}};
  std::string wire(kPreface, 'p');
  for (const Frame& frame : frames) wire += Encode(frame);
  const std::vector<Position> positions = PositionsIn(frames);
  ASSERT_EQ(positions.size(), wire.size() + 1);
  std::mt19937 random(3);
  for (const std::size_t most : {1U, 10U, 1000U, 100'000U}) {
    FrameWalk walk(kPreface);
    for (std::size_t at = 0; at < wire.size();) {
      ASSERT_EQ(walk.data_left(), positions[at].data_left) << at;
      if (walk.data_left() != 0) {
        ASSERT_EQ(walk.stream(), positions[at].stream) << at;
      }
      const std::size_t n = std::min(wire.size() - at, 1 + random() % most);
      walk.Advance(AsBytes(std::string_view(wire).substr(at, n)));
      at += n;
    }
    EXPECT_EQ(walk.data_left(), 0U);
  }
}

// The highest bit of a stream's number is reserved.
TEST(FrameWalkTest, IgnoresTheReservedBit) {
  FrameWalk walk(0);
  walk.Advance(Bytes{0, 0, 2, 0, 0, 0x80, 0, 0, 5});
  EXPECT_EQ(walk.data_left(), 2U);
  EXPECT_EQ(walk.stream(), 5);
}

}  // namespace
}  // namespace strongroom::net
