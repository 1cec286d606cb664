#include "testing/testdata.h"

#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

namespace strongroom::testing {

std::optional<std::filesystem::path> SharedTestdata() {
  const char* named = std::getenv("STRONGROOM_TESTDATA");
  std::filesystem::path path = named != nullptr ? named : "../shared/testdata";
  if (!std::filesystem::is_directory(path)) return std::nullopt;
  return path;
}

bool SkippedWithoutTestdata(const char* what) {
  if (SharedTestdata().has_value()) return false;
  if (std::getenv("CI") != nullptr)
    ADD_FAILURE() << what << ": no shared test data, which CI must have";
  std::printf("skipped: %s (no shared test data)\n", what);
  return true;
}

}  // namespace strongroom::testing
