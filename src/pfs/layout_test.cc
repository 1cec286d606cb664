#include "pfs/layout.h"

#include <set>

#include "testing/result_matchers.h"

namespace strongroom::pfs {
namespace {

using testing::Fails;

struct SizeRow {
  std::uint64_t plaintext, nodes, mht_nodes;
};

TEST(Layout, CountsTheNodesThatGramineWrites) {
  for (const SizeRow& row : {SizeRow{0, 1, 0},
                             {1, 1, 0},
                             {3072, 1, 0},
                             {3073, 3, 1},
                             {3072 + 4096, 3, 1},
                             {3072 + 4097, 4, 1},
                             {396'288, 98, 1},
                             {396'289, 100, 2},
                             {100'000, 26, 1},
                             {500'000, 125, 2},
                             {5'000'000, 1234, 13},
                             {20'000'000, 4935, 51}}) {
    ASSERT_OK_AND_ASSIGN(const Geometry geometry, GeometryOf(row.plaintext));
    EXPECT_EQ(geometry.nodes(), row.nodes) << row.plaintext;
    EXPECT_EQ(geometry.mht_nodes, row.mht_nodes) << row.plaintext;
  }
}

TEST(Layout, PlacesEveryNodeOnceWithoutAGap) {
  ASSERT_OK_AND_ASSIGN(const Geometry geometry, GeometryOf(20'000'000));
  std::set<std::uint64_t> taken = {0};
  for (std::uint64_t k = 0; k < geometry.mht_nodes; ++k)
    EXPECT_TRUE(taken.insert(MhtNodeNumber(k)).second);
  for (std::uint64_t d = 0; d < geometry.data_nodes; ++d)
    EXPECT_TRUE(taken.insert(DataNodeNumber(d)).second);
  EXPECT_EQ(taken.size(), geometry.nodes());
  EXPECT_EQ(*taken.rbegin(), geometry.nodes() - 1);
}

TEST(Layout, PlacesNodesWhereTheFormatSays) {
  EXPECT_EQ(MhtNodeNumber(0), 1U);
  EXPECT_EQ(DataNodeNumber(0), 2U);
  EXPECT_EQ(DataNodeNumber(95), 97U);
  EXPECT_EQ(MhtNodeNumber(1), 98U);
  EXPECT_EQ(DataNodeNumber(96), 99U);
  EXPECT_EQ(DataNodeNumber(191), 194U);
  EXPECT_EQ(MhtNodeNumber(2), 195U);
}

TEST(Layout, BatchesEndAtMultiplesOfTheirSize) {
  EXPECT_EQ(BatchFrom(0), kBatchNodes);
  EXPECT_EQ(BatchFrom(2), kBatchNodes - 2);
  EXPECT_EQ(BatchFrom(kBatchNodes - 1), 1U);
  EXPECT_EQ(BatchFrom(5 * kBatchNodes), kBatchNodes);
}

TEST(Layout, HangsThirtyTwoChildrenUnderANode) {
  for (std::uint64_t k = 1; k < 5000; ++k) {
    EXPECT_EQ(FirstChildOf(ParentOf(k)) + ChildSlotOf(k), k);
    EXPECT_LT(ChildSlotOf(k), kChildrenPerMht);
  }
  EXPECT_EQ(ParentOf(32), 0U);
  EXPECT_EQ(ParentOf(33), 1U);
}

TEST(Layout, CutsSegmentsThatCoverThePlaintext) {
  for (const std::uint64_t size : {3073U, 396'288U, 396'289U, 1'000'000U}) {
    ASSERT_OK_AND_ASSIGN(const Geometry geometry, GeometryOf(size));
    std::uint64_t covered = kInlineSize;
    for (std::uint64_t k = 0; k < geometry.mht_nodes; ++k) {
      EXPECT_EQ(geometry.PlaintextOffset(k), covered);
      covered += geometry.PlaintextIn(k);
      const std::uint64_t nodes = std::min<std::uint64_t>(96, geometry.data_nodes - 96 * k);
      EXPECT_EQ((geometry.PlaintextIn(k) + kNodeSize - 1) / kNodeSize, nodes);
    }
    EXPECT_EQ(covered, size);
  }
}

TEST(Layout, RefusesSizesThatNoFileCanHave) {
  EXPECT_THAT(GeometryOf(~std::uint64_t{0}), Fails(Code::kExhausted, "2^63 - 1"));
  EXPECT_THAT(GeometryOf(std::uint64_t{1} << 63), Fails(Code::kExhausted, "2^63 - 1"));
  EXPECT_OK(GeometryOf(std::uint64_t{1} << 62));
}

}  // namespace
}  // namespace strongroom::pfs
