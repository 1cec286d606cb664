#pragma once

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/result.h"

namespace strongroom {

// Makes googletest print an error's text instead of its bytes.
inline void PrintTo(const Error& error, std::ostream* os) { *os << error.ToString(); }

namespace testing {

// `EXPECT_THAT(ParseQuote(bytes), Fails(Code::kMalformed, "wanted at least 436"));` The text is
// looked for in the message.
MATCHER_P2(Fails, code, text,
           "fails with " + std::string(CodeName(code)) + " and \"" + text + "\"") {
  if (arg.has_value()) {
    *result_listener << "which succeeded";
    return false;
  }
  *result_listener << "which failed with " << arg.error().ToString();
  return arg.error().code() == code && arg.error().message().find(text) != std::string::npos;
}

template <class T>
::testing::AssertionResult IsOk(const Result<T>& result) {
  if (result.has_value()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << result.error().ToString();
}

}  // namespace testing
}  // namespace strongroom

#define EXPECT_OK(...) EXPECT_TRUE(::strongroom::testing::IsOk((__VA_ARGS__)))
#define ASSERT_OK(...) ASSERT_TRUE(::strongroom::testing::IsOk((__VA_ARGS__)))

// `ASSERT_OK_AND_ASSIGN(const Quote quote, ParseQuote(bytes));`
#define ASSERT_OK_AND_ASSIGN(lhs, ...) \
  ASSERT_OK_AND_ASSIGN_(STRONGROOM_CONCAT(result_, __LINE__), lhs, __VA_ARGS__)
#define ASSERT_OK_AND_ASSIGN_(tmp, lhs, ...) \
  auto tmp = (__VA_ARGS__);                  \
  ASSERT_OK(tmp);                            \
  lhs = std::move(tmp).value()
