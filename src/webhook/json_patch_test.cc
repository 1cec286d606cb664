#include "webhook/json_patch.h"

#include "testing/result_matchers.h"
#include "webhook/quantity.h"
#include "webhook/testing/apply_patch.h"

namespace strongroom::webhook {
namespace {

using nlohmann::json;
using strongroom::testing::Fails;
using testing::ApplyPatch;

json Applied(const std::string& document, const JsonPatch& patch) {
  auto result = ApplyPatch(json::parse(document), json::parse(patch.Text()));
  EXPECT_OK(result);
  return result.value_or(json());
}

const Json* Member(const JsonDocument& document, std::string_view name) {
  return document.root().Find(name);
}

TEST(JsonPatch, PointersEscapeTildesAndSlashes) {
  EXPECT_EQ(Pointer("/metadata/labels", "a/b~c"), "/metadata/labels/a~1b~0c");
  EXPECT_EQ(Pointer("", "~1"), "/~01");
  EXPECT_EQ(Pointer("/spec/containers", std::size_t{2}), "/spec/containers/2");
}

TEST(JsonPatch, AKeyWithASlashLandsWhereItBelongs) {
  const std::string text = R"({"limits":{"cpu":"1"}})";
  const auto document = JsonDocument::Parse(text).value();
  JsonPatch patch;
  patch.AddMissing("/limits", Member(document, "limits"), {{"sgx.intel.com/epc", "\"10Mi\""}});
  EXPECT_EQ(Applied(text, patch),
            json::parse(R"({"limits":{"cpu":"1","sgx.intel.com/epc":"10Mi"}})"));
}

TEST(JsonPatch, AMissingParentIsMadeInOneOperation) {
  JsonPatch patch;
  patch.Append("/env", nullptr, {"1", "2"});
  patch.AddMissing("/labels", nullptr, {{"a", "\"x\""}, {"b", "\"y\""}});
  EXPECT_EQ(json::parse(patch.Text()).size(), 2U);
  EXPECT_EQ(Applied("{}", patch), json::parse(R"({"env":[1,2],"labels":{"a":"x","b":"y"}})"));
}

TEST(JsonPatch, NullCountsAsMissing) {
  const auto document = JsonDocument::Parse(R"({"env":null})").value();
  JsonPatch patch;
  patch.Append("/env", Member(document, "env"), {"1"});
  EXPECT_EQ(Applied(R"({"env":null})", patch), json::parse(R"({"env":[1]})"));
}

TEST(JsonPatch, AnArrayThatIsThereIsAppendedToAndNeverReplaced) {
  const std::string text = R"({"env":[{"future":1}]})";
  const auto document = JsonDocument::Parse(text).value();
  JsonPatch patch;
  patch.Append("/env", Member(document, "env"), {"2", "3"});
  for (const json& operation : json::parse(patch.Text())) EXPECT_EQ(operation["path"], "/env/-");
  EXPECT_EQ(Applied(text, patch), json::parse(R"({"env":[{"future":1},2,3]})"));
}

TEST(JsonPatch, WhatIsPrependedKeepsItsOrder) {
  const std::string text = R"({"command":["serve"]})";
  const auto document = JsonDocument::Parse(text).value();
  JsonPatch patch;
  patch.Prepend("/command", Member(document, "command"), {"\"a\"", "\"b\""});
  EXPECT_EQ(Applied(text, patch), json::parse(R"({"command":["a","b","serve"]})"));
}

TEST(JsonPatch, NothingToAddMakesNoOperation) {
  const auto document = JsonDocument::Parse(R"({"a":{"x":1}})").value();
  JsonPatch patch;
  patch.Append("/env", nullptr, {});
  patch.AddMissing("/a", Member(document, "a"), {{"x", "2"}});
  patch.Prepend("/b", nullptr, {});
  EXPECT_TRUE(patch.empty());
  EXPECT_EQ(patch.Text(), "[]");
}

TEST(ApplyPatch, RefusesWhatAnApiServerWould) {
  const struct {
    const char* name;
    const char* patch;
    Code code;
  } rows[] = {
      {"no array", R"({})", Code::kMalformed},
      {"no path", R"([{"op":"add","value":1}])", Code::kMalformed},
      {"no value", R"([{"op":"add","path":"/x"}])", Code::kMalformed},
      {"unknown op", R"([{"op":"mix","path":"/x","value":1}])", Code::kMalformed},
      {"missing parent", R"([{"op":"add","path":"/x/y","value":1}])", Code::kNotFound},
      {"index past the end", R"([{"op":"add","path":"/list/3","value":1}])", Code::kNotFound},
      {"index with a zero", R"([{"op":"add","path":"/list/01","value":1}])", Code::kMalformed},
      {"bad escape", R"([{"op":"add","path":"/a~2","value":1}])", Code::kMalformed},
      {"below a number", R"([{"op":"add","path":"/list/0/x","value":1}])", Code::kNotFound},
      {"test of another value", R"([{"op":"test","path":"/list/0","value":9}])", Code::kConflict},
      {"remove of nothing", R"([{"op":"remove","path":"/x"}])", Code::kNotFound},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(ApplyPatch(json::parse(R"({"list":[7,8]})"), json::parse(row.patch)),
                Fails(row.code, ""));
  }
}

TEST(Quantity, CountsBytes) {
  const struct {
    const char* text;
    std::uint64_t bytes;
  } rows[] = {{"10Mi", 10U << 20}, {"1Gi", 1U << 30},   {"1.5Ki", 1536}, {"64M", 64'000'000},
              {"4096", 4096},      {"1e6", 1'000'000},  {"0.1", 1},      {"1500m", 2},
              {"+5", 5},           {"1Ei", 1ULL << 60}, {"2E0", 2},      {"12k", 12'000}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const auto bytes = ParseBytes(row.text);
    ASSERT_OK(bytes);
    EXPECT_EQ(*bytes, row.bytes);
  }
}

TEST(Quantity, RefusesWhatIsNone) {
  for (const char* text : {"", "Mi", "-1", "ten", "0x10", "inf", "nan", "1 Mi", "1MiB", "1e",
                           "1.2.3", "0", "0Mi", "1e5Mi", "111111111111111111111111111111111"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(ParseBytes(text), Fails(Code::kMalformed, "wanted"));
  }
  for (const char* text : {"2Ei", "1e300", "9E"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(ParseBytes(text), Fails(Code::kExhausted, "wanted at most 1Ei"));
  }
}

TEST(Quantity, MebibytesHoldThem) {
  EXPECT_EQ(MebibytesFor(10U << 20), 10U);
  EXPECT_EQ(MebibytesFor((10U << 20) + 1), 11U);
  EXPECT_EQ(MebibytesFor(1), 1U);
}

}  // namespace
}  // namespace strongroom::webhook
