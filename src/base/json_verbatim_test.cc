#include "base/json.h"
#include "testing/result_matchers.h"

namespace strongroom {
namespace {

using testing::Fails;

TEST(JsonVerbatimTest, NamedArraysAndObjectsKeepTheirText) {
  const JsonLimits limits{.max_values = 8, .verbatim = {"data"}};
  ASSERT_OK_AND_ASSIGN(
      const JsonDocument document,
      JsonDocument::Parse(R"({"a": {"data" : [1, [2,3], "]\"", {"x":[ ]}] , "b":7}, "data":5})",
                          limits));
  ASSERT_OK_AND_ASSIGN(const Json* a, document.root().Get("a"));
  ASSERT_OK_AND_ASSIGN(const Json* data, a->Get("data"));
  EXPECT_EQ(data->raw(), R"([1, [2,3], "]\"", {"x":[ ]}])");
  EXPECT_TRUE(data->IsArray());
  EXPECT_TRUE(data->items().empty());
  EXPECT_EQ(a->GetInt("b").value(), 7);
  EXPECT_EQ(document.root().GetInt("data").value(), 5) << "scalars are read as ever";
}

TEST(JsonVerbatimTest, WhatStaysUnreadIsStillJson) {
  const JsonLimits limits{.verbatim = {"data"}};
  EXPECT_THAT(JsonDocument::Parse(R"({"data":[1,}])", limits), Fails(Code::kMalformed, "not JSON"));
  EXPECT_THAT(JsonDocument::Parse(R"({"data":[1)", limits), Fails(Code::kMalformed, "not JSON"));
}

TEST(JsonVerbatimTest, DoesNotCountAgainstTheLimitOfValues) {
  std::string text = R"({"data":[0)";
  for (int i = 0; i < 1000; ++i) text += ",0";
  text += "]}";
  EXPECT_OK(JsonDocument::Parse(text, {.max_values = 10, .verbatim = {"data"}}));
  EXPECT_THAT(JsonDocument::Parse(text, {.max_values = 10}), Fails(Code::kExhausted, "values"));
}

TEST(JsonTest, NothingIsNoJson) {
  EXPECT_THAT(JsonDocument::Parse(std::string_view()), Fails(Code::kMalformed, "it is empty"));
}

TEST(Utf8Test, KnowsWellFormedText) {
  for (const char* text : {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x94\x91"})
    EXPECT_TRUE(IsUtf8(text)) << text;
  for (const char* text : {"\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "a\xff"})
    EXPECT_FALSE(IsUtf8(text));
}

}  // namespace
}  // namespace strongroom
