#include "base/proto_wire.h"

#include <limits>

#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom {
namespace {

using testing::Fails;

TEST(ProtoWireTest, ReadsBackWhatItWrote) {
  ProtoWriter w;
  w.Varint(1, 300).Text(2, "abc").Message(
      3, ProtoWriter().Varint(1, std::numeric_limits<std::uint64_t>::max()));
  const Bytes bytes = std::move(w).Finish();
  ProtoReader reader(bytes);
  ASSERT_OK_AND_ASSIGN(const auto first, reader.Next());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->number, 1u);
  EXPECT_EQ(ProtoVarint(*first, "m").value(), 300u);
  ASSERT_OK_AND_ASSIGN(const auto second, reader.Next());
  EXPECT_EQ(ProtoText(second.value(), "m").value(), "abc");
  ASSERT_OK_AND_ASSIGN(const auto third, reader.Next());
  ProtoReader inner(third.value().bytes);
  ASSERT_OK_AND_ASSIGN(const auto nested, inner.Next());
  EXPECT_EQ(nested.value().value, std::numeric_limits<std::uint64_t>::max());
  ASSERT_OK_AND_ASSIGN(const auto end, reader.Next());
  EXPECT_FALSE(end);
}

TEST(ProtoWireTest, ReadsFixedNumbers) {
  const Bytes bytes = {0x0d, 1, 2, 3, 4, 0x11, 1, 0, 0, 0, 0, 0, 0, 0x80};
  ProtoReader reader(bytes);
  ASSERT_OK_AND_ASSIGN(const auto first, reader.Next());
  EXPECT_EQ(first.value().value, 0x04030201u);
  ASSERT_OK_AND_ASSIGN(const auto second, reader.Next());
  EXPECT_EQ(second.value().value, 0x8000000000000001u);
}

TEST(ProtoWireTest, RefusesWhatIsNoMessage) {
  const struct {
    const char* name;
    Bytes bytes;
    const char* text;
  } rows[] = {
      {"tag only", {0x08}, "ends within a number"},
      {"unfinished number", {0x08, 0x80}, "ends within a number"},
      {"eleven-byte number",
       {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
       "more than 64"},
      {"65th bit",
       {0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02},
       "more than 64"},
      {"field 0", {0x00, 0x00}, "field number 0"},
      {"field 2^29", {0x80, 0x80, 0x80, 0x80, 0x10, 0x00}, "field number 536870912"},
      {"group", {0x0b, 0x0c}, "wire type 3"},
      {"wire type 7", {0x0f, 0x00}, "wire type 7"},
      {"short bytes", {0x0a, 0x05, 1, 2}, "wanted 3 more bytes"},
      {"length beyond memory",
       {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
       "more bytes"},
      {"short fixed32", {0x0d, 1, 2, 3}, "wanted 1 more"},
      {"short fixed64", {0x09, 1}, "wanted 7 more"},
  };
  for (const auto& row : rows) {
    ProtoReader reader(row.bytes, "thing");
    EXPECT_THAT(reader.Next(), Fails(Code::kMalformed, row.text)) << row.name;
  }
}

TEST(ProtoWireTest, NeverReadsBeyondATruncatedOrChangedMessage) {
  ProtoWriter w;
  w.Varint(1, 1u << 30).Text(2, "some text").Varint(200, 7);
  const Bytes bytes = w.bytes();
  const auto drain = [](ByteView mutated, std::size_t) {
    ProtoReader reader(mutated, "thing");
    for (std::size_t fields = 0;; ++fields) {
      ASSERT_LE(2 * fields, mutated.size()) << "a field has a number and something";
      const auto field = reader.Next();
      if (!field) {
        EXPECT_THAT(field, Fails(Code::kMalformed, "thing"));
        return;
      }
      if (!*field) return;
      const ByteView within = (*field)->bytes;
      if (within.empty()) continue;
      EXPECT_GE(within.data(), mutated.data());
      EXPECT_LE(within.data() + within.size(), mutated.data() + mutated.size());
    }
  };
  testing::ForEachTruncation(bytes, drain);
  testing::ForEachFlippedByte(bytes, drain, 0x80);
  testing::ForEachFlippedByte(bytes, drain, 0x07);
}

TEST(ProtoWireTest, FieldSizeIsWhatBytesTakes) {
  for (const std::size_t length : {0u, 1u, 127u, 128u, 16'384u}) {
    for (const std::uint32_t number : {1u, 15u, 16u, 2048u}) {
      ProtoWriter w;
      w.Bytes(number, Bytes(length));
      EXPECT_EQ(w.bytes().size(), ProtoWriter::FieldSize(number, length));
    }
  }
}

TEST(ProtoWireTest, WrongLayoutNamesBoth) {
  const ProtoField field{.number = 4, .wire = ProtoWire::kVarint};
  EXPECT_THAT(ProtoBytes(field, "tensor"),
              Fails(Code::kMalformed, "tensor: field 4 has wire type 0, wanted bytes"));
  EXPECT_THAT(ProtoText(field, "tensor"), Fails(Code::kMalformed, "wanted text"));
  EXPECT_THAT(ProtoVarint({.number = 4, .wire = ProtoWire::kLength}, "tensor"),
              Fails(Code::kMalformed, "wanted a number"));
}

}  // namespace
}  // namespace strongroom
