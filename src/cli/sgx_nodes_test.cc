#include "cli/sgx_nodes.h"

#include <fmt/format.h>

#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

using ::testing::HasSubstr;

Result<SgxNodes> Find(std::string_view nodes) {
  const auto document = JsonDocument::Parse(fmt::format(R"({{"items":[{}]}})", nodes));
  if (!document.has_value()) return std::unexpected(document.error());
  return FindSgx(document->root());
}

std::string Node(std::string_view name, std::string_view capacity) {
  return fmt::format(R"({{"metadata":{{"name":"{}"}},"status":{{"capacity":{{{}}}}}}})", name,
                     capacity);
}

TEST(Sgx, IsFoundByTheResourceThatMostNodesOffer) {
  const std::string plain = Node("plain", R"("cpu":"2")");
  const std::string intel = Node(
      "intel",
      R"("sgx.intel.com/epc":"64Mi","sgx.intel.com/enclave":"20","sgx.intel.com/provision":"20")");
  const std::string azure = Node("azure", R"("kubernetes.azure.com/sgx_epc_mem_in_MiB":"8")");
  ASSERT_OK_AND_ASSIGN(const SgxNodes none, Find(plain));
  EXPECT_EQ(none.nodes, 0);
  EXPECT_EQ(none.all_nodes, 1);
  EXPECT_EQ(none.resource_key, "");
  ASSERT_OK_AND_ASSIGN(const SgxNodes one, Find(plain + "," + intel));
  EXPECT_EQ(one.resource_key, "sgx.intel.com/epc");
  EXPECT_EQ(one.nodes, 1);
  ASSERT_OK_AND_ASSIGN(const SgxNodes two, Find(azure + "," + intel + "," + azure));
  EXPECT_EQ(two.resource_key, "kubernetes.azure.com/sgx_epc_mem_in_MiB");
  EXPECT_EQ(two.nodes, 2);
}

TEST(Sgx, OfHalfAPluginIsNoSgx) {
  ASSERT_OK_AND_ASSIGN(
      const SgxNodes half,
      Find(Node("n", R"("sgx.intel.com/epc":"64Mi","sgx.intel.com/enclave":"20")")));
  EXPECT_EQ(half.nodes, 0);
  ASSERT_EQ(half.incomplete.size(), 1U);
  EXPECT_THAT(half.incomplete[0],
              HasSubstr("node n offers sgx.intel.com/epc, but not sgx.intel.com/provision"));
  ASSERT_OK_AND_ASSIGN(const SgxNodes zero, Find(Node("n", R"("sgx.intel.com/epc":"0")")));
  EXPECT_EQ(zero.nodes, 0);
}

}  // namespace
}  // namespace strongroom::cli
