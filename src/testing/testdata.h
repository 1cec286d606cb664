#pragma once

#include <filesystem>
#include <optional>

namespace strongroom::testing {

// The folder of real evidence and foreign files (../shared/testdata from the project's root, or
// STRONGROOM_TESTDATA). Empty where it is absent: then the caller prints one line saying what it
// skips, unless CI is set, where it must fail.
std::optional<std::filesystem::path> SharedTestdata();

// True, after printing "skipped: <what> (no shared test data)", when the data is absent and the
// environment is not CI; fails the running test when it is absent under CI.
bool SkippedWithoutTestdata(const char* what);

}  // namespace strongroom::testing
