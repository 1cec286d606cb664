#include "base/cpus.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>
#include <vector>

#include "base/files.h"
#include "base/text.h"

namespace strongroom {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxFile = 64 * 1024;

struct Quota {
  double cpus = 0;
  std::string source;
};

int Affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

std::optional<long long> ToNumber(std::string_view text) {
  return ParseDecimal<long long>(Trimmed(text));
}

// cpu.max: "max 100000" or "150000 100000".
std::optional<double> ReadCpuMax(const fs::path& file) {
  const auto text = ReadTextFile(file, kMaxFile);
  if (!text) return std::nullopt;
  const auto space = text->find(' ');
  if (space == std::string::npos) return std::nullopt;
  const auto quota = ToNumber(std::string_view(*text).substr(0, space));
  const auto period = ToNumber(std::string_view(*text).substr(space + 1));
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> ReadCfsQuota(const fs::path& folder) {
  const auto quota_text = ReadTextFile(folder / "cpu.cfs_quota_us", kMaxFile);
  const auto period_text = ReadTextFile(folder / "cpu.cfs_period_us", kMaxFile);
  if (!quota_text || !period_text) return std::nullopt;
  const auto quota = ToNumber(*quota_text);
  const auto period = ToNumber(*period_text);
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

void Tighten(Quota& quota, std::optional<double> cpus, const fs::path& source) {
  if (!cpus || (quota.cpus > 0 && *cpus >= quota.cpus)) return;
  quota = {.cpus = *cpus, .source = source.string()};
}

// A limit of an ancestor binds as well: looks at the group and all above it.
void Climb(Quota& quota, const fs::path& mount, const fs::path& group, bool unified) {
  for (fs::path at = group.relative_path();; at = at.parent_path()) {
    const fs::path folder = mount / at;
    if (unified) {
      Tighten(quota, ReadCpuMax(folder / "cpu.max"), folder / "cpu.max");
    } else {
      Tighten(quota, ReadCfsQuota(folder), folder / "cpu.cfs_quota_us");
    }
    if (at.empty()) return;
  }
}

bool HoldsCpuController(std::string_view controllers) {
  std::stringstream list{std::string(controllers)};
  for (std::string name; std::getline(list, name, ',');) {
    if (name == "cpu") return true;
  }
  return false;
}

// Lines of /proc/self/cgroup: "0::/path" is version 2, "4:cpu,cpuacct:/path" version 1.
Quota CgroupQuota(const fs::path& root) {
  Quota quota;
  const auto text = ReadTextFile(root / "proc/self/cgroup", kMaxFile);
  if (!text) return quota;
  const fs::path mounts = root / "sys/fs/cgroup";
  std::stringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = line.substr(second + 1);
    if (controllers.empty()) {
      Climb(quota, mounts, group, true);
    } else if (HoldsCpuController(controllers)) {
      Climb(quota, mounts / "cpu", group, false);
      Climb(quota, mounts / controllers, group, false);
    }
  }
  return quota;
}

}  // namespace

CpuAllowance AllowedCpus(const fs::path& root) {
  const Quota quota = CgroupQuota(root);
  CpuAllowance out{.cpus = Affinity(),
                   .affinity = Affinity(),
                   .quota = quota.cpus,
                   .quota_source = quota.source};
  if (quota.cpus > 0 && quota.cpus < out.cpus)
    out.cpus = std::max(1, static_cast<int>(std::ceil(quota.cpus)));
  return out;
}

}  // namespace strongroom
