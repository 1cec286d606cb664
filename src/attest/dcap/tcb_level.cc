#include "attest/dcap/tcb_level.h"

#include <algorithm>
#include <functional>
#include <set>

namespace strongroom::attest::dcap {
namespace {

template <class Level, class Key>
Status SortNewestFirst(std::vector<Level>& levels, Key key) {
  if (levels.empty()) return Malformed("tcbLevels is empty, wanted at least one level");
  std::ranges::sort(levels, std::greater{}, key);
  const auto twin = std::ranges::adjacent_find(levels, std::equal_to{}, key);
  if (twin != levels.end())
    return Malformed("two TCB levels with the same security versions, wanted each once");
  return {};
}

bool IsOutOfDate(TcbStatus status) {
  // A quoting enclave has no configuration of its own: its OutOfDateConfigurationNeeded is not one
  // of Intel's cases and changes nothing there; here it counts as what it says first.
  return status == TcbStatus::kOutOfDate || status == TcbStatus::kOutOfDateConfigurationNeeded;
}

}  // namespace

bool SgxTcb::Reaches(const SgxTcb& level) const {
  for (std::size_t i = 0; i < components.size(); ++i) {
    if (components[i] < level.components[i]) return false;
  }
  return pce_svn >= level.pce_svn;
}

Status SortLevels(std::vector<PlatformLevel>& levels) {
  return SortNewestFirst(levels,
                         [](const PlatformLevel& level) -> const SgxTcb& { return level.tcb; });
}

Status SortLevels(std::vector<QeLevel>& levels) {
  return SortNewestFirst(levels, [](const QeLevel& level) { return level.isv_svn; });
}

const LevelVerdict* MatchLevel(const std::vector<PlatformLevel>& levels, const SgxTcb& platform) {
  const auto it = std::ranges::find_if(
      levels, [&](const PlatformLevel& level) { return platform.Reaches(level.tcb); });
  return it == levels.end() ? nullptr : &it->verdict;
}

const LevelVerdict* MatchLevel(const std::vector<QeLevel>& levels, std::uint16_t isv_svn) {
  const auto it =
      std::ranges::find_if(levels, [&](const QeLevel& level) { return isv_svn >= level.isv_svn; });
  return it == levels.end() ? nullptr : &it->verdict;
}

TcbStatus Converge(TcbStatus platform, TcbStatus qe) {
  if (platform == TcbStatus::kRevoked || qe == TcbStatus::kRevoked) return TcbStatus::kRevoked;
  if (!IsOutOfDate(qe)) return platform;
  switch (platform) {
    case TcbStatus::kConfigurationNeeded:
    case TcbStatus::kConfigurationAndSwHardeningNeeded:
    case TcbStatus::kOutOfDateConfigurationNeeded: return TcbStatus::kOutOfDateConfigurationNeeded;
    default: return TcbStatus::kOutOfDate;
  }
}

TcbVerdict Combine(const LevelVerdict& platform, const LevelVerdict& qe) {
  TcbVerdict out;
  out.status = Converge(platform.status, qe.status);
  out.tcb_date = std::min(platform.date, qe.date);
  std::set<std::string> advisories(platform.advisory_ids.begin(), platform.advisory_ids.end());
  advisories.insert(qe.advisory_ids.begin(), qe.advisory_ids.end());
  out.advisory_ids.assign(advisories.begin(), advisories.end());
  return out;
}

}  // namespace strongroom::attest::dcap
