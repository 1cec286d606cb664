#include "pfs/path.h"

#include <utility>

#include "testing/result_matchers.h"

namespace strongroom::pfs {
namespace {

using testing::Fails;

TEST(Path, NormalizesAsGramineDoes) {
  for (const auto& [given, wanted] : {std::pair<std::string_view, std::string_view>{"a", "a"},
                                      {"a/b", "a/b"},
                                      {"a//b", "a/b"},
                                      {"./a/./b/.", "a/b"},
                                      {"a/b/", "a/b"},
                                      {"a/../b", "b"},
                                      {"../a", "../a"},
                                      {"a/../../b", "../b"},
                                      {"../../a/..", "../.."},
                                      {"/a//b/", "/a/b"},
                                      {"/../a", "/a"},
                                      {"/a/../../b", "/b"},
                                      {"a/...", "a/..."},
                                      {"a b/\n", "a b/\n"}}) {
    ASSERT_OK_AND_ASSIGN(const std::string path, NormalizePath(given));
    EXPECT_EQ(path, wanted) << given;
    EXPECT_EQ(NormalizePath(path), path) << "normal paths stay as they are";
  }
}

TEST(Path, RefusesWhatNamesNoFile) {
  for (const std::string_view path : {"", ".", "/", "a/..", "././", "/.."}) {
    EXPECT_THAT(NormalizePath(path), Fails(Code::kMalformed, "names no file")) << path;
  }
  EXPECT_THAT(NormalizePath(std::string_view("a\0b", 3)), Fails(Code::kMalformed, "NUL"));
}

TEST(Path, HoldsAsManyBytesAsTheField) {
  EXPECT_OK(NormalizePath(std::string(771, 'x')));
  EXPECT_OK(NormalizePath(std::string(771, 'x') + "/"));
  EXPECT_THAT(NormalizePath(std::string(772, 'x')),
              Fails(Code::kMalformed, "772 bytes, wanted at most 771"));
}

TEST(Path, JoinsAPrefixAndAName) {
  EXPECT_EQ(JoinPath("digits/1", "model.bin").value(), "digits/1/model.bin");
  EXPECT_EQ(JoinPath("digits/1/", "./x").value(), "digits/1/x");
  EXPECT_EQ(JoinPath("", "x").value(), "x");
}

}  // namespace
}  // namespace strongroom::pfs
