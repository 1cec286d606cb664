#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace strongroom::serving {

struct LatestVersions {
  std::size_t count = 1;
};
struct AllVersions {};
struct SpecificVersions {
  std::vector<std::int64_t> versions;
};

// Which versions of a model are to be served (TensorFlow Serving's ServableVersionPolicy). Default:
// the latest one.
using VersionPolicy = std::variant<LatestVersions, AllVersions, SpecificVersions>;

// Those of `available` that the policy wants, ascending, each once.
std::vector<std::int64_t> Aspired(const VersionPolicy& policy,
                                  std::span<const std::int64_t> available);

}  // namespace strongroom::serving
