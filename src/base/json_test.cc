#include "base/json.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "base/json_members.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom {
namespace {

using testing::Fails;

TEST(Json, GivesEveryKindAndRefusesTheOthers) {
  ASSERT_OK_AND_ASSIGN(const JsonDocument document,
                       JsonDocument::Parse(R"({"n":null,"b":true,"i":-5,"u":18446744073709551615,
                                               "d":1.5,"s":"text","a":[1,2],"o":{}})"));
  const Json& root = document.root();
  const auto member = [&](const char* name) -> const Json& { return *root.Get(name).value(); };
  EXPECT_TRUE(member("n").IsNull());
  EXPECT_EQ(member("b").Bool().value(), true);
  EXPECT_EQ(member("i").Int().value(), -5);
  EXPECT_EQ(member("u").Unsigned().value(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(member("d").Number().value(), 1.5);
  EXPECT_EQ(member("i").Number().value(), -5.0);
  EXPECT_EQ(member("s").String().value(), "text");
  EXPECT_EQ(member("a").items().size(), 2U);
  EXPECT_TRUE(member("o").IsObject());

  EXPECT_THAT(member("i").Unsigned(), Fails(Code::kMalformed, "at least 0"));
  EXPECT_THAT(member("u").Int(), Fails(Code::kMalformed, "64 bits"));
  EXPECT_THAT(member("d").Int(), Fails(Code::kMalformed, "d is a number, wanted an integer"));
  EXPECT_THAT(member("s").Bool(), Fails(Code::kMalformed, "s is a string, wanted a boolean"));
  EXPECT_THAT(member("n").String(), Fails(Code::kMalformed, "n is null"));
  EXPECT_THAT(member("a").Get("x"), Fails(Code::kMalformed, "a is an array, wanted an object"));
  EXPECT_THAT(root.Get("x"), Fails(Code::kMalformed, "document has no member \"x\""));
  EXPECT_EQ(root.Find("x"), nullptr);
  EXPECT_EQ(member("a").Find("x"), nullptr);
  EXPECT_TRUE(member("s").items().empty());
}

struct BadCase {
  const char* name;
  std::string text;
  const char* message;
};

TEST(Json, RefusesWhatIsNotOneStrictDocument) {
  const BadCase cases[] = {
      {"nothing", "", "not JSON"},
      {"white space", " \n", "not JSON"},
      {"two values", "{} {}", "not JSON"},
      {"trailing comma", "[1,]", "not JSON"},
      {"trailing text", "{}x", "not JSON"},
      {"trailing NUL", std::string("{}\0", 3), "not JSON"},
      {"leading zero", "[01]", "not JSON"},
      {"plus sign", "[+1]", "not JSON"},
      {"hex", "[0x1]", "not JSON"},
      {"half a number", "[1.]", "not JSON"},
      {"NaN", "[NaN]", "not JSON"},
      {"infinity", "[1e400]", "not JSON"},
      {"above 64 bits", "[18446744073709551616]", "not JSON"},
      {"far above 64 bits", "[123456789012345678901234567890]", "not JSON"},
      {"below 64 bits", "[-9223372036854775809]", "not JSON"},
      {"single quotes", "['a']", "not JSON"},
      {"bare name", "{a:1}", "not JSON"},
      {"comment", "[1/**/]", "not JSON"},
      {"unclosed", "[1", "not JSON"},
      {"mismatched", "[1}", "not JSON"},
      {"control character in a string", "[\"\x01\"]", "not JSON"},
      {"line feed in a string", "[\"\n\"]", "not JSON"},
      {"bad escape", R"(["\x"])", "not JSON"},
      {"short escape", R"(["\u12"])", "not JSON"},
      {"lone high surrogate", R"(["\ud800"])", "not JSON"},
      {"lone low surrogate", R"(["\udc00"])", "not JSON"},
      {"invalid UTF-8", "[\"\xff\"]", "not JSON"},
      {"overlong UTF-8", "[\"\xc0\xaf\"]", "not JSON"},
      {"surrogate in UTF-8", "[\"\xed\xa0\x80\"]", "not JSON"},
      {"byte order mark", "\xef\xbb\xbf{}", "not JSON"},
      {"duplicate member", R"({"a":1,"a":1})", "\"a\" appears twice in document"},
      {"duplicate by an escape", R"({"a":1,"\u0061":2})", "appears twice"},
      {"duplicate deep inside", R"({"x":[{"y":{"k":1,"k":2}}]})", "twice in x[0].y"},
      {"duplicate empty name", R"({"":1,"":2})", "appears twice"},
  };
  for (const BadCase& row : cases) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(JsonDocument::Parse(row.text), Fails(Code::kMalformed, row.message));
  }
}

TEST(Json, HoldsItsLimits) {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_OK(JsonDocument::Parse(nested(17)));  // the innermost array is at depth 16
  EXPECT_THAT(JsonDocument::Parse(nested(18)), Fails(Code::kExhausted, "deeper than 16"));
  EXPECT_THAT(JsonDocument::Parse(nested(19)), Fails(Code::kExhausted, "deeper than 16"));
  EXPECT_THAT(JsonDocument::Parse(nested(100000)), Fails(Code::kExhausted, "deeper than 16"));
  EXPECT_THAT(JsonDocument::Parse("[1,2,3]", {.max_values = 3}),
              Fails(Code::kExhausted, "3 values"));
  EXPECT_OK(JsonDocument::Parse("[1,2,3]", {.max_values = 4}));
  EXPECT_THAT(JsonDocument::Parse("[1,2,3]", {.max_bytes = 6}), Fails(Code::kExhausted, "7 bytes"));
  EXPECT_OK(JsonDocument::Parse("[1,2,3]", {.max_bytes = 7}));
}

// A long name above many values once cost the product of both in memory.
TEST(Json, PathsStayShortHoweverLongTheNames) {
  std::string values = "1";
  for (int i = 0; i < 50000; ++i) values += ",1";
  const std::string text = "{\"" + std::string(120000, 'k') + "\":{\"inner\":[" + values + "]}}";
  ASSERT_OK_AND_ASSIGN(const JsonDocument document, JsonDocument::Parse(text));
  const Json& inner = document.root().members()[0].second.members()[0].second;
  ASSERT_EQ(inner.items().size(), 50001U);
  EXPECT_EQ(inner.items()[7].path(), std::string(60, 'k') + ".inner[7]");
  std::string deep;
  for (int i = 0; i < 10; ++i) deep += "{\"" + std::string(50, static_cast<char>('a' + i)) + "\":";
  ASSERT_OK_AND_ASSIGN(const JsonDocument nested,
                       JsonDocument::Parse(deep + "1" + std::string(10, '}')));
  const Json* value = &nested.root();
  while (value->IsObject()) value = &value->members()[0].second;
  EXPECT_LT(value->path().size(), 200U);
  EXPECT_TRUE(value->path().ends_with(std::string(50, 'j')));
}

TEST(Json, RawIsTheExactTextOfEachValue) {
  const std::string text =
      " {\"tcbInfo\" : {\"a\" :\t[ 1 , {\"x\":\"]}\\\"\\\\\"} ],\n\"b\":-0.50e+1 , \"c\" : "
      "\"\\u0041\"}"
      " , \"signature\":\"00\" }\r\n";
  ASSERT_OK_AND_ASSIGN(const JsonDocument document, JsonDocument::Parse(text));
  const Json& info = *document.root().Get("tcbInfo").value();
  EXPECT_EQ(info.raw(),
            "{\"a\" :\t[ 1 , {\"x\":\"]}\\\"\\\\\"} ],\n\"b\":-0.50e+1 , \"c\" : \"\\u0041\"}");
  EXPECT_EQ(info.Get("a").value()->raw(), "[ 1 , {\"x\":\"]}\\\"\\\\\"} ]");
  EXPECT_EQ(info.Get("a").value()->items()[1].raw(), "{\"x\":\"]}\\\"\\\\\"}");
  EXPECT_EQ(info.Get("b").value()->raw(), "-0.50e+1");
  EXPECT_EQ(info.Get("c").value()->raw(), "\"\\u0041\"");
  EXPECT_EQ(info.Get("c").value()->String().value(), "A");
  EXPECT_EQ(document.root().raw(), text.substr(1, text.size() - 3));
}

TEST(Json, RawOfEveryValueParsesToTheSameValue) {
  const std::string text =
      R"([{"":[]},{"a":{"b":[[],{},"",0,-1,1e5,true,false,null]}},"[{\"",[[[1]]]])";
  ASSERT_OK_AND_ASSIGN(const JsonDocument document, JsonDocument::Parse(text));
  const std::function<void(const Json&)> visit = [&](const Json& value) {
    ASSERT_OK_AND_ASSIGN(const JsonDocument again, JsonDocument::Parse(value.raw()));
    EXPECT_EQ(again.root().kind(), value.kind());
    EXPECT_EQ(again.root().raw(), value.raw());
    for (const Json& item : value.items()) visit(item);
    for (const Json::Member& member : value.members()) visit(member.second);
  };
  visit(document.root());
}

TEST(Json, ValuesOutliveMovesAndCopiesOfTheDocument) {
  std::optional<JsonDocument> original =
      JsonDocument::Parse("{\"a\":\"a value too long for any small buffer inside\"}").value();
  const JsonDocument copy = *original;
  const JsonDocument moved = *std::move(original);
  original.reset();
  EXPECT_EQ(moved.root().Get("a").value()->raw(), copy.root().Get("a").value()->raw());
}

TEST(Json, EveryTruncationIsRefused) {
  const std::string text = R"({"a":[1,2,{"b":"\u00e9x"}],"c":null})";
  testing::ForEachTruncation(AsBytes(text), [](ByteView cut, std::size_t at) {
    EXPECT_THAT(JsonDocument::Parse(AsText(cut)), Fails(Code::kMalformed, "not JSON")) << at;
  });
}

TEST(Json, FlippedBytesNeverCrashAndKeepRawInside) {
  const std::string text = R"({"a":[1,2,{"b":"\u00e9x"}],"c":null, "d" : -1.5e3})";
  for (unsigned bit = 0; bit < 8; ++bit) {
    testing::ForEachFlippedByte(
        AsBytes(text),
        [](ByteView mutated, std::size_t) {
          const auto document = JsonDocument::Parse(AsText(mutated));
          if (document) {
            EXPECT_OK(JsonDocument::Parse(document->root().raw()));
          }
        },
        static_cast<std::uint8_t>(1U << bit));
  }
}

TEST(JsonWriter, WritesCompactJson) {
  JsonWriter writer;
  writer.Object().Key("a").Array().Int(-1).Unsigned(UINT64_MAX).Bool(true).Null().End();
  writer.Key("b").Object().End().Key("c").Double(0.1).Key("d").Float(0.1F).Key("e").Raw("[1]");
  writer.End();
  EXPECT_EQ(std::move(writer).Finish(),
            R"({"a":[-1,18446744073709551615,true,null],"b":{},"c":0.1,"d":0.1,"e":[1]})");
}

TEST(JsonWriter, StringsComeBackAndShowNoControlCharacters) {
  const std::string cases[] = {"",
                               "plain",
                               "\"\\/\b\f\n\r\t",
                               std::string("\0\x01\x1f\x7f", 4),
                               "é€😀",
                               "\xc2\x80\xc2\x9b[31m\xc2\x9f\xc2\xa0",
                               "</script>"};
  for (const std::string& text : cases) {
    JsonWriter writer;
    const std::string json = std::move(writer.String(text)).Finish();
    for (std::size_t i = 0; i < json.size(); ++i) {
      const auto byte = static_cast<std::uint8_t>(json[i]);
      EXPECT_TRUE(byte >= 0x20 && byte != 0x7f) << json;
      EXPECT_FALSE(byte == 0xc2 && static_cast<std::uint8_t>(json[i + 1]) < 0xa0) << json;
    }
    ASSERT_OK_AND_ASSIGN(const JsonDocument document, JsonDocument::Parse(json));
    EXPECT_EQ(document.root().String().value(), text);
  }
}

TEST(JsonWriter, InvalidUtf8BecomesReplacementCharacters) {
  const struct {
    const char* in;
    const char* out;
  } cases[] = {
      {"a\xff"
       "b",
       "a\ufffdb"},
      {"\xc0\xaf", "\ufffd\ufffd"},
      {"\xe2\x82", "\ufffd\ufffd"},
      {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
      {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},
      {"\xc2", "\ufffd"},
  };
  for (const auto& row : cases) {
    JsonWriter writer;
    const std::string json = std::move(writer.String(row.in)).Finish();
    ASSERT_OK_AND_ASSIGN(const JsonDocument document, JsonDocument::Parse(json));
    EXPECT_EQ(document.root().String().value(), row.out);
  }
}

TEST(JsonWriter, NumbersComeBackExactly) {
  for (const double value :
       {0.0, -0.0, 0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, 1e22, 123456789.125}) {
    JsonWriter writer;
    const std::string json = std::move(writer.Array().Double(value).End()).Finish();
    ASSERT_OK_AND_ASSIGN(const JsonDocument document, JsonDocument::Parse(json));
    EXPECT_EQ(document.root().items()[0].Number().value(), value) << json;
  }
}

TEST(ReadMembers, ReadsWhatHasAReaderAndRefusesTheRest) {
  std::string name;
  std::int64_t count = 0;
  const JsonReaders readers = {{"name",
                                [&](const Json& json) -> Status {
                                  ASSIGN_OR_RETURN(name, json.String());
                                  return {};
                                }},
                               {"count", [&](const Json& json) -> Status {
                                  ASSIGN_OR_RETURN(count, json.Int());
                                  return {};
                                }}};
  const auto read = [&](std::string_view text) -> Status {
    ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(text));
    return ReadMembers(document.root(), readers);
  };
  ASSERT_TRUE(read(R"({"count":3,"name":"shop"})").has_value());
  EXPECT_EQ(name, "shop");
  EXPECT_EQ(count, 3);
  EXPECT_TRUE(read("{}").has_value());
  EXPECT_THAT(read("[]"), Fails(Code::kMalformed, "the document is no object"));
  EXPECT_THAT(read(R"({"name":"shop","nam":"shop"})"), Fails(Code::kMalformed, "nam is not known"));
  EXPECT_THAT(read(R"({"count":"3"})"), Fails(Code::kMalformed, "count"));
}

TEST(JsonWriterDeathTest, MisuseAborts) {
  EXPECT_DEATH(JsonWriter().Object().Int(1), "");
  EXPECT_DEATH(JsonWriter().Key("a"), "");
  EXPECT_DEATH(JsonWriter().Array().Key("a"), "");
  EXPECT_DEATH(JsonWriter().Object().Key("a").End(), "");
  EXPECT_DEATH(JsonWriter().End(), "");
  EXPECT_DEATH((void)JsonWriter().Object().Key("a").Int(1).Key("b").Key("c"), "");
  EXPECT_DEATH(JsonWriter().Double(std::numeric_limits<double>::infinity()), "");
  EXPECT_DEATH(JsonWriter().Double(std::nan("")), "");
  EXPECT_DEATH((void)std::move(JsonWriter().Array()).Finish(), "");
}

}  // namespace
}  // namespace strongroom
