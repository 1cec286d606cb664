#include "serving/core/version_policy.h"

#include <algorithm>

namespace strongroom::serving {

std::vector<std::int64_t> Aspired(const VersionPolicy& policy,
                                  std::span<const std::int64_t> available) {
  std::vector<std::int64_t> out(available.begin(), available.end());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (const auto* latest = std::get_if<LatestVersions>(&policy)) {
    const std::size_t keep = std::min(out.size(), latest->count);
    out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(keep));
  } else if (const auto* specific = std::get_if<SpecificVersions>(&policy)) {
    std::erase_if(out, [&](std::int64_t version) {
      return std::find(specific->versions.begin(), specific->versions.end(), version) ==
             specific->versions.end();
    });
  }
  return out;
}

}  // namespace strongroom::serving
