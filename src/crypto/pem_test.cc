#include "crypto/pem.h"

#include <gtest/gtest.h>

#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::crypto {
namespace {

using testing::Fails;

TEST(Pem, ReadsBackWhatItWrote) {
  for (std::size_t size = 0; size < 200; ++size) {
    Bytes content(size);
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<std::uint8_t>(i * 7);
    const std::string text = EncodePem("CERTIFICATE", content);
    ASSERT_OK_AND_ASSIGN(const Bytes read, DecodeOnePem(text, "CERTIFICATE"));
    EXPECT_EQ(read, content);
  }
}

TEST(Pem, WritesLinesOf64Characters) {
  EXPECT_EQ(EncodePem("X", Bytes(49, 0)),
            "-----BEGIN X-----\n"
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
            "AA==\n"
            "-----END X-----\n");
  EXPECT_TRUE(
      Equal(EncodeSecretPem("X", Bytes(49, 0)).Reveal(), AsBytes(EncodePem("X", Bytes(49, 0)))));
}

constexpr std::string_view kTwo =
    "subject=CN = example\r\n"
    "-----BEGIN A-----\r\nAAEC\r\n-----END A-----\r\n"
    "\n"
    "-----BEGIN B C1-----\nAw==  \n-----END B C1-----";

TEST(Pem, ReadsSeveralBlocksWithTextBetween) {
  ASSERT_OK_AND_ASSIGN(const std::vector<PemBlock> blocks, DecodePem(kTwo, 2));
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].label, "A");
  EXPECT_EQ(blocks[0].content, (Bytes{0, 1, 2}));
  EXPECT_EQ(blocks[1].label, "B C1");
  EXPECT_EQ(blocks[1].content, (Bytes{3}));
}

TEST(Pem, ToleratesOneTrailingNul) {
  std::string text = EncodePem("A", Bytes(3));
  text.push_back('\0');
  EXPECT_OK(DecodePem(text, 1));
  text.append("\n-----\0", 7);
  EXPECT_THAT(DecodePem(text, 1), Fails(Code::kMalformed, "dashes"));
}

TEST(Pem, RefusesMoreBlocksThanAskedFor) {
  EXPECT_THAT(DecodePem(kTwo, 1), Fails(Code::kExhausted, "more than 1"));
  EXPECT_THAT(DecodeOnePem(kTwo, "A"), Fails(Code::kExhausted, "more than 1"));
}

struct BadCase {
  const char* name;
  std::string text;
  const char* message;
};

TEST(Pem, RefusesWhatIsNotPem) {
  const BadCase cases[] = {
      {"nothing", "", "no PEM block"},
      {"text only", "hello\nworld\n", "no PEM block"},
      {"no end", "-----BEGIN A-----\nAAEC\n", "no end"},
      {"another label at the end", "-----BEGIN A-----\nAAEC\n-----END B-----\n", "not closed"},
      {"a block inside a block", "-----BEGIN A-----\n-----BEGIN A-----\n-----END A-----\n",
       "not closed"},
      {"an end alone", "-----END A-----\n", "dashes"},
      {"dashes missing", "-----BEGIN A----\nAAEC\n-----END A-----\n", "dashes"},
      {"lower case label", "-----BEGIN a-----\nAAEC\n-----END a-----\n", "dashes"},
      {"text before the dashes", "x-----BEGIN A-----\nAAEC\n-----END A-----\n", "dashes"},
      {"headers", "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAEC\n-----END A-----\n", "base64"},
      {"stray bits", "-----BEGIN A-----\nAAF=\n-----END A-----\n", "stray bits"},
      {"a foreign character", "-----BEGIN A-----\nAA*C\n-----END A-----\n", "foreign"},
      {"short", "-----BEGIN A-----\nAAE\n-----END A-----\n", "multiple of 4"},
      {"padding in the middle", "-----BEGIN A-----\nAA==AAEC\n-----END A-----\n", "foreign"},
      {"one long dash line", "-----BEGIN -----", "no end"},
      {"overlapping dashes", "-----BEGIN ----", "dashes"},
  };
  for (const BadCase& row : cases) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(DecodePem(row.text, 4), Fails(Code::kMalformed, row.message));
  }
}

TEST(Pem, RefusesAnotherLabel) {
  EXPECT_THAT(DecodeOnePem(EncodePem("CERTIFICATE", {}), "X509 CRL"),
              Fails(Code::kMalformed, "PEM block of CERTIFICATE, wanted X509 CRL"));
}

TEST(Pem, EveryTruncationOfABlockIsRefused) {
  const std::string text = EncodePem("A", Bytes(100, 1));
  testing::ForEachTruncation(AsBytes(text), [&](ByteView cut, std::size_t size) {
    if (size + 1 == text.size()) return;  // only the last line feed is missing
    EXPECT_FALSE(DecodePem(AsText(cut), 1).has_value()) << size;
  });
}

// Text has no checksum: a flipped letter of the content is other content, everything else is
// refused.
TEST(Pem, AFlippedByteIsRefusedOrOtherContent) {
  const Bytes content(100, 1);
  const std::string text = EncodePem("CERTIFICATE", content);
  testing::ForEachFlip(AsBytes(text), [&](ByteView flipped, std::size_t offset) {
    const auto read = DecodeOnePem(AsText(flipped), "CERTIFICATE");
    if (!read.has_value()) {
      EXPECT_EQ(read.error().code(), Code::kMalformed) << offset;
      return;
    }
    EXPECT_EQ(read->size(), content.size()) << offset;
    EXPECT_NE(*read, content) << offset;
  });
}

}  // namespace
}  // namespace strongroom::crypto
