#include "base/end_signals.h"

#include <gtest/gtest.h>

namespace strongroom {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(EndSignals, AreWaitedForAndEndNothing) {
  const EndSignals signals;
  for (const int signal : {SIGTERM, SIGINT}) {
    ASSERT_EQ(raise(signal), 0);
    EXPECT_EQ(signals.Wait(), signal);
    ASSERT_EQ(raise(signal), 0);
    EXPECT_EQ(signals.WaitFor(hours(1)), signal);
  }
}

TEST(EndSignals, AreNotWaitedForLongerThanAsked) {
  const EndSignals signals;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(signals.WaitFor({}), 0);
  EXPECT_EQ(signals.WaitFor(milliseconds(20)), 0);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(20));
}

}  // namespace
}  // namespace strongroom
