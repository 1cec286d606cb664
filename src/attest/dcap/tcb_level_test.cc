#include "attest/dcap/tcb_level.h"

#include <gtest/gtest.h>

#include "testing/result_matchers.h"

namespace strongroom::attest::dcap {
namespace {

using strongroom::testing::Fails;
using enum TcbStatus;

SgxTcb Tcb(std::uint8_t svn, std::uint16_t pce_svn) {
  SgxTcb tcb;
  tcb.components.fill(svn);
  tcb.pce_svn = pce_svn;
  return tcb;
}

PlatformLevel Level(const SgxTcb& tcb, TcbStatus status) {
  return {tcb, {status, UnixSeconds{0}, {}}};
}

// Every row of Intel's table, over all statuses that a quoting enclave can have.
TEST(Converge, IsIntelsTable) {
  const struct {
    TcbStatus platform;
    TcbStatus with_old_qe;
  } rows[] = {
      {kUpToDate, kOutOfDate},
      {kSwHardeningNeeded, kOutOfDate},
      {kConfigurationNeeded, kOutOfDateConfigurationNeeded},
      {kConfigurationAndSwHardeningNeeded, kOutOfDateConfigurationNeeded},
      {kOutOfDate, kOutOfDate},
      {kOutOfDateConfigurationNeeded, kOutOfDateConfigurationNeeded},
      {kRevoked, kRevoked},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(TcbStatusName(row.platform));
    EXPECT_EQ(Converge(row.platform, kUpToDate), row.platform);
    EXPECT_EQ(Converge(row.platform, kSwHardeningNeeded), row.platform);
    EXPECT_EQ(Converge(row.platform, kConfigurationNeeded), row.platform);
    EXPECT_EQ(Converge(row.platform, kOutOfDate), row.with_old_qe);
    EXPECT_EQ(Converge(row.platform, kRevoked), kRevoked);
  }
}

TEST(SgxTcb, ReachesALevelInEveryVersionOrNot) {
  EXPECT_TRUE(Tcb(5, 5).Reaches(Tcb(5, 5)));
  EXPECT_TRUE(Tcb(255, 65535).Reaches(Tcb(5, 5)));
  EXPECT_FALSE(Tcb(5, 4).Reaches(Tcb(5, 5)));
  for (std::size_t i = 0; i < 16; ++i) {
    SgxTcb below = Tcb(200, 200);
    below.components[i] = 4;
    EXPECT_FALSE(below.Reaches(Tcb(5, 5))) << i;
    SgxTcb wanted = Tcb(0, 0);
    wanted.components[i] = 201;
    EXPECT_FALSE(Tcb(200, 200).Reaches(wanted)) << i;
  }
}

TEST(MatchLevel, TakesTheNewestThatIsReached) {
  std::vector<PlatformLevel> levels = {Level(Tcb(2, 1), kRevoked), Level(Tcb(9, 9), kUpToDate),
                                       Level(Tcb(9, 3), kOutOfDate)};
  ASSERT_OK(SortLevels(levels));
  EXPECT_EQ(MatchLevel(levels, Tcb(9, 9))->status, kUpToDate);
  EXPECT_EQ(MatchLevel(levels, Tcb(9, 8))->status, kOutOfDate);
  EXPECT_EQ(MatchLevel(levels, Tcb(8, 9))->status, kRevoked);
  EXPECT_EQ(MatchLevel(levels, Tcb(1, 9)), nullptr);
}

TEST(SortLevels, RefusesTwinsAndEmptyLists) {
  std::vector<PlatformLevel> twins = {Level(Tcb(1, 1), kUpToDate), Level(Tcb(2, 1), kUpToDate),
                                      Level(Tcb(1, 1), kOutOfDate)};
  EXPECT_THAT(SortLevels(twins), Fails(Code::kMalformed, "same security versions"));
  std::vector<PlatformLevel> none;
  EXPECT_THAT(SortLevels(none), Fails(Code::kMalformed, "empty"));
  std::vector<QeLevel> qe_twins = {{3, {}}, {3, {}}};
  EXPECT_THAT(SortLevels(qe_twins), Fails(Code::kMalformed, "same security versions"));
}

TEST(TcbStatusNames, AreIntelsAndReadBack) {
  for (const TcbStatus status :
       {kUpToDate, kSwHardeningNeeded, kConfigurationNeeded, kConfigurationAndSwHardeningNeeded,
        kOutOfDate, kOutOfDateConfigurationNeeded, kRevoked}) {
    ASSERT_OK_AND_ASSIGN(const TcbStatus again, ParseTcbStatus(TcbStatusName(status)));
    EXPECT_EQ(again, status);
  }
  for (const char* text : {"", "uptodate", "UpToDate ", "TDRelaunchAdvised", "SwHardeningNeeded"}) {
    EXPECT_THAT(ParseTcbStatus(text), Fails(Code::kMalformed, "wanted one of UpToDate")) << text;
  }
}

}  // namespace
}  // namespace strongroom::attest::dcap
