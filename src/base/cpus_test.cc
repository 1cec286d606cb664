#include "base/cpus.h"

#include <fstream>

#include "base/files.h"
#include "testing/result_matchers.h"

namespace strongroom {
namespace {

namespace fs = std::filesystem;

class CpusTest : public ::testing::Test {
 protected:
  CpusTest() : folder_(TemporaryFolder::Make("strongroom-cpus-").value()) {}

  void Write(const std::string& path, std::string_view text) {
    fs::create_directories((root() / path).parent_path());
    std::ofstream(root() / path) << text;
  }
  const fs::path& root() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

TEST_F(CpusTest, WithoutControlGroupsTheAffinityDecides) {
  const CpuAllowance allowance = AllowedCpus(root());
  EXPECT_GE(allowance.cpus, 1);
  EXPECT_EQ(allowance.cpus, allowance.affinity);
  EXPECT_EQ(allowance.quota, 0);
  EXPECT_EQ(allowance.quota_source, "");
}

TEST_F(CpusTest, Version2QuotaBindsAndIsRoundedUp) {
  Write("proc/self/cgroup", "0::/pod/box\n");
  Write("sys/fs/cgroup/pod/box/cpu.max", "50000 100000\n");
  const CpuAllowance allowance = AllowedCpus(root());
  EXPECT_EQ(allowance.cpus, 1);
  EXPECT_DOUBLE_EQ(allowance.quota, 0.5);
  EXPECT_EQ(allowance.quota_source, (root() / "sys/fs/cgroup/pod/box/cpu.max").string());
}

TEST_F(CpusTest, AnAncestorsTighterQuotaBinds) {
  Write("proc/self/cgroup", "0::/pod/box\n");
  Write("sys/fs/cgroup/pod/box/cpu.max", "max 100000\n");
  Write("sys/fs/cgroup/pod/cpu.max", "30000 100000\n");
  EXPECT_DOUBLE_EQ(AllowedCpus(root()).quota, 0.3);
}

TEST_F(CpusTest, Version1QuotaBinds) {
  Write("proc/self/cgroup", "5:memory:/a\n4:cpu,cpuacct:/a\n");
  Write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "25000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(AllowedCpus(root()).quota, 0.25);
}

TEST_F(CpusTest, NoLimitAndNonsenseLeaveTheAffinity) {
  for (const char* text :
       {"max 100000\n", "", "100000", "-1 100000\n", "5 0\n", "a b\n", "99999999 100000\n"}) {
    Write("proc/self/cgroup", "0::/\n");
    Write("sys/fs/cgroup/cpu.max", text);
    const CpuAllowance allowance = AllowedCpus(root());
    EXPECT_EQ(allowance.cpus, allowance.affinity) << text;
  }
}

TEST(CpusOfThisMachineTest, AreAtLeastOne) { EXPECT_GE(AllowedCpus().cpus, 1); }

}  // namespace
}  // namespace strongroom
