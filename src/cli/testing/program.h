#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/entropy.h"
#include "base/files.h"
#include "testing/process.h"
#include "testing/result_matchers.h"

namespace strongroom::cli::testing {

// The built `strongroom`, as a user runs it: in a folder of its own, where a file "key" is a key.
class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(Run({"keygen", "--out", "key"}).exit_status, 0); }

  strongroom::testing::ProcessResult Run(std::vector<std::string> arguments,
                                         strongroom::testing::ProcessOptions options = {}) const {
    arguments.insert(arguments.begin(),
                     std::filesystem::absolute(strongroom::testing::ProgramPath("strongroom")));
    options.folder = folder_.path();
    return strongroom::testing::RunProcess(arguments, options);
  }
  std::string Path(std::string_view name) const { return (folder_.path() / name).string(); }
  Bytes Get(std::string_view name) const { return ReadFile(Path(name), 1 << 26).value(); }
  void Put(std::string_view name, ByteView content) const {
    std::filesystem::create_directories(std::filesystem::path(Path(name)).parent_path());
    ASSERT_OK(WriteFileAtomic(Path(name), content, 0644));
  }
  Bytes PutRandom(std::string_view name, std::size_t size) const {
    SystemEntropy entropy;
    Bytes content = entropy.Take(size);
    Put(name, content);
    return content;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      names.push_back(std::filesystem::relative(entry.path(), folder_.path()).string());
    }
    std::ranges::sort(names);
    return names;
  }

  TemporaryFolder folder_ = TemporaryFolder::Make("strongroom-cli").value();
};

}  // namespace strongroom::cli::testing
