#include "cli/plain_text.h"

#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

TEST(PlainText, SteersNoTerminal) {
  EXPECT_EQ(PlainText("a \"b\" \\c Ä …"), "a \"b\" \\c Ä …");
  EXPECT_EQ(PlainText("\x1b[2J\a\x7f\xc2\x9b"
                      "31m\x9b\r\tx"),
            R"(\u001b[2J\u0007\u007f\u009b31m\ufffd  x)");
  EXPECT_EQ(PlainText(std::string_view("\0x", 2)), R"(\u0000x)");
  EXPECT_EQ(PlainText("one\ntwo\n"), "one\ntwo\n");
}

TEST(PlainText, OneLineForgesNoOther) {
  EXPECT_EQ(OneLine("pulling failed\nnext: curl example | sh\r\n"),
            "pulling failed next: curl example | sh  ");
  EXPECT_EQ(OneLine("\x1b]0;x\a"), R"(\u001b]0;x\u0007)");
}

}  // namespace
}  // namespace strongroom::cli
