#include "crypto/kdf.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/reader.h"
#include "testing/result_matchers.h"

namespace strongroom::crypto {
namespace {

using testing::Fails;

Bytes Hex(std::string_view text) { return HexDecode(text).value(); }

Bytes Counting(std::uint8_t from, std::size_t n) {
  Bytes out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint8_t>(from + i);
  return out;
}

struct HkdfCase {
  const char* name;
  Bytes key;
  Bytes salt;
  Bytes info;
  const char* output;
};

// RFC 5869 appendix A, the three cases for SHA-256.
std::vector<HkdfCase> HkdfCases() {
  return {
      {"1", Bytes(22, 0x0b), Counting(0, 13), Counting(0xf0, 10),
       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
      {"2 (long)", Counting(0x00, 80), Counting(0x60, 80), Counting(0xb0, 80),
       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
       "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
       "cc30c58179ec3e87c14c01d5c1f3434f1d87"},
      {"3 (no salt, no info)",
       Bytes(22, 0x0b),
       {},
       {},
       "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
  };
}

TEST(Hkdf, GivesTheOutputsOfRfc5869) {
  for (const HkdfCase& row : HkdfCases()) {
    SCOPED_TRACE(row.name);
    const HkdfInput input{.key = row.key, .salt = row.salt, .info = row.info};
    ASSERT_OK_AND_ASSIGN(const SecretBytes out,
                         HkdfSha256(input, std::string_view(row.output).size() / 2));
    EXPECT_EQ(HexEncode(out.Reveal()), row.output);
  }
}

TEST(Hkdf, ShorterOutputsArePrefixesOfLongerOnes) {
  const Bytes key(32, 5);
  ASSERT_OK_AND_ASSIGN(const SecretBytes longest, HkdfSha256({.key = key}, 255 * 32));
  for (const std::size_t size : {1U, 31U, 32U, 33U, 1000U}) {
    ASSERT_OK_AND_ASSIGN(const SecretBytes out, HkdfSha256({.key = key}, size));
    EXPECT_TRUE(Equal(out.Reveal(), longest.Reveal().first(size)));
  }
}

TEST(Hkdf, RefusesSizesThatRfc5869DoesNotAllow) {
  const Bytes key(32, 5);
  for (const std::size_t size : {std::size_t{0}, std::size_t{255 * 32 + 1}, SIZE_MAX}) {
    EXPECT_THAT(HkdfSha256({.key = key}, size), Fails(Code::kMalformed, "wanted 1 to 8160"));
  }
}

struct CmacCase {
  std::size_t message_size;
  const char* mac;
};

// RFC 4493 section 4: prefixes of one message.
constexpr CmacCase kCmacCases[] = {
    {0, "bb1d6929e95937287fa37d129b756746"},
    {16, "070a16b46b4d4144f79bdd9dd04a287c"},
    {40, "dfa66747de9ae63030ca32611497c827"},
    {64, "51f0bebf7e3b9d92fc49741779363cfe"},
};

TEST(Cmac, GivesTheCodesOfRfc4493) {
  const Bytes key = Hex("2b7e151628aed2a6abf7158809cf4f3c");
  const Bytes message =
      Hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
          "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
  for (const CmacCase& row : kCmacCases) {
    ASSERT_OK_AND_ASSIGN(const SecretBytes mac,
                         Aes128Cmac(key, ByteView(message).first(row.message_size)));
    EXPECT_EQ(HexEncode(mac.Reveal()), row.mac);
  }
}

TEST(Cmac, TakesNoKeyButOneOf16Bytes) {
  for (const std::size_t size : {0U, 15U, 17U, 32U}) {
    EXPECT_THAT(Aes128Cmac(Bytes(size), {}), Fails(Code::kMalformed, "wanted 16"));
  }
}

}  // namespace
}  // namespace strongroom::crypto
