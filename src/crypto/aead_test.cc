#include "crypto/aead.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/entropy.h"
#include "crypto/sealed_box.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::crypto {
namespace {

using testing::Fails;

Bytes Hex(std::string_view text) { return HexDecode(text).value(); }

struct GcmCase {
  const char* name;
  const char* key;
  const char* nonce;
  const char* aad;
  const char* plaintext;
  const char* sealed;
};

// The GCM specification's test cases (McGrew and Viega, appendix B): 1-4 for AES-128, 13-16 for
// AES-256.
constexpr const char* kText60 =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
constexpr const char* kText64 =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
constexpr const char* kAad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
constexpr const char* kKey128 = "feffe9928665731c6d6a8f9467308308";
constexpr const char* kKey256 = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
constexpr const char* kZero128 = "00000000000000000000000000000000";
constexpr const char* kZero256 = "0000000000000000000000000000000000000000000000000000000000000000";
constexpr const char* kZeroNonce = "000000000000000000000000";
constexpr const char* kNonce = "cafebabefacedbaddecaf888";

constexpr GcmCase kGcmCases[] = {
    {"1", kZero128, kZeroNonce, "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
    {"2", kZero128, kZeroNonce, "", kZero128,
     "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"},
    {"3", kKey128, kNonce, "", kText64,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
     "4d5c2af327cd64a62cf35abd2ba6fab4"},
    {"4", kKey128, kNonce, kAad, kText60,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"13", kZero256, kZeroNonce, "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"14", kZero256, kZeroNonce, "", kZero128,
     "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {"15", kKey256, kNonce, "", kText64,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
     "b094dac5d93471bdec1a502270e3cc6c"},
    {"16", kKey256, kNonce, kAad, kText60,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

// Ciphertext, then tag.
Bytes Sealed(const GcmInput& input, ByteView plaintext) {
  Bytes ciphertext(plaintext.size());
  std::array<std::uint8_t, kGcmTagSize> tag{};
  EXPECT_OK(AesGcm().Seal(input, plaintext, ciphertext, tag));
  return Concat({ciphertext, tag});
}

TEST(AesGcm, SealsAndOpensTheVectorsOfTheSpecification) {
  for (const GcmCase& row : kGcmCases) {
    SCOPED_TRACE(row.name);
    const Bytes key = Hex(row.key), nonce = Hex(row.nonce), aad = Hex(row.aad);
    const GcmInput input{.key = key, .nonce = nonce, .aad = aad};
    const Bytes sealed = Sealed(input, Hex(row.plaintext));
    EXPECT_EQ(HexEncode(sealed), row.sealed);
    ASSERT_OK_AND_ASSIGN(const SecretBytes opened, OpenGcm(input, sealed));
    EXPECT_EQ(HexEncode(opened.Reveal()), row.plaintext);
  }
}

TEST(AesGcm, OneContextSwitchesKeysSizesAndDirections) {
  AesGcm gcm;
  for (int round = 0; round < 3; ++round) {
    for (const GcmCase& row : kGcmCases) {
      const Bytes key = Hex(row.key), nonce = Hex(row.nonce), aad = Hex(row.aad);
      const GcmInput input{.key = key, .nonce = nonce, .aad = aad};
      const Bytes plaintext = Hex(row.plaintext), sealed = Hex(row.sealed);
      Bytes ciphertext(plaintext.size());
      std::array<std::uint8_t, kGcmTagSize> tag{};
      ASSERT_OK(gcm.Seal(input, plaintext, ciphertext, tag));
      EXPECT_EQ(HexEncode(Concat({ciphertext, tag})), row.sealed);
      Bytes opened(plaintext.size());
      ASSERT_OK(gcm.Open(input, ciphertext, tag, opened));
      EXPECT_EQ(opened, plaintext);
      std::array<std::uint8_t, kGcmTagSize> wrong = tag;
      wrong[15] ^= 1;
      EXPECT_THAT(gcm.Open(input, ciphertext, wrong, opened), Fails(Code::kUntrusted, "tag"));
    }
  }
}

TEST(AesGcm, WorksInPlace) {
  AesGcm gcm;
  const Bytes key(16, 7), nonce(12, 9), plaintext(4096, 0x5a);
  Bytes buffer = plaintext;
  std::array<std::uint8_t, kGcmTagSize> tag{};
  ASSERT_OK(gcm.Seal({.key = key, .nonce = nonce}, buffer, buffer, tag));
  EXPECT_NE(buffer, plaintext);
  ASSERT_OK(gcm.Open({.key = key, .nonce = nonce}, buffer, tag, buffer));
  EXPECT_EQ(buffer, plaintext);
}

class AesGcmRefuses : public ::testing::Test {
 protected:
  const Bytes key_ = Bytes(16, 1), nonce_ = Bytes(12, 2), aad_ = ToBytes("for whom");
  const Bytes plaintext_ = ToBytes("a secret of some length");
  GcmInput input() const { return {.key = key_, .nonce = nonce_, .aad = aad_}; }
  Bytes sealed() const { return Sealed(input(), plaintext_); }
};

TEST_F(AesGcmRefuses, EveryFlippedBitOfCiphertextAndTag) {
  for (unsigned bit = 0; bit < 8; ++bit) {
    testing::ForEachFlippedByte(
        sealed(),
        [&](ByteView mutated, std::size_t) {
          EXPECT_THAT(OpenGcm(input(), mutated), Fails(Code::kUntrusted, "tag"));
        },
        static_cast<std::uint8_t>(1U << bit));
  }
}

TEST_F(AesGcmRefuses, EveryTruncation) {
  testing::ForEachTruncation(sealed(), [&](ByteView mutated, std::size_t size) {
    const Code wanted = size < kGcmTagSize ? Code::kMalformed : Code::kUntrusted;
    EXPECT_THAT(OpenGcm(input(), mutated), Fails(wanted, ""));
  });
}

TEST_F(AesGcmRefuses, AnotherKeyNonceOrContext) {
  const Bytes box = sealed();
  const auto refuses = [&](const GcmInput& other) {
    EXPECT_THAT(OpenGcm(other, box), Fails(Code::kUntrusted, "tag"));
  };
  testing::ForEachFlippedByte(key_, [&](ByteView key, std::size_t) {
    refuses({.key = key, .nonce = nonce_, .aad = aad_});
  });
  testing::ForEachFlippedByte(nonce_, [&](ByteView nonce, std::size_t) {
    refuses({.key = key_, .nonce = nonce, .aad = aad_});
  });
  testing::ForEachFlippedByte(aad_, [&](ByteView aad, std::size_t) {
    refuses({.key = key_, .nonce = nonce_, .aad = aad});
  });
  testing::ForEachTruncation(aad_, [&](ByteView aad, std::size_t) {
    refuses({.key = key_, .nonce = nonce_, .aad = aad});
  });
}

TEST_F(AesGcmRefuses, AndLeavesZerosInsteadOfUnverifiedPlaintext) {
  Bytes box = sealed();
  box.back() ^= 1;
  const ByteView all(box);
  Bytes out(plaintext_.size(), 0xee);
  AesGcm gcm;
  EXPECT_THAT(gcm.Open(input(), all.first(out.size()), all.subspan(out.size()), out),
              Fails(Code::kUntrusted, ""));
  EXPECT_EQ(out, Bytes(out.size(), 0));
}

TEST_F(AesGcmRefuses, KeysNoncesTagsAndSpansOfOtherSizes) {
  AesGcm gcm;
  Bytes out(plaintext_.size());
  std::array<std::uint8_t, kGcmTagSize> tag{};
  for (const std::size_t size : {0U, 1U, 15U, 17U, 24U, 31U, 33U}) {
    const Bytes key(size);
    EXPECT_THAT(gcm.Seal({.key = key, .nonce = nonce_}, plaintext_, out, tag),
                Fails(Code::kMalformed, "wanted 16 or 32"));
  }
  for (const std::size_t size : {0U, 11U, 13U, 16U}) {
    const Bytes nonce(size);
    EXPECT_THAT(gcm.Seal({.key = key_, .nonce = nonce}, plaintext_, out, tag),
                Fails(Code::kMalformed, "wanted 12"));
  }
  // A truncated tag must not be taken for a short one.
  ASSERT_OK(gcm.Seal(input(), plaintext_, out, tag));
  const Bytes ciphertext = out;
  for (std::size_t size = 0; size < kGcmTagSize; ++size) {
    EXPECT_THAT(gcm.Open(input(), ciphertext, ByteView(tag).first(size), out),
                Fails(Code::kMalformed, "wanted 16"));
  }
  Bytes small(plaintext_.size() - 1);
  EXPECT_THAT(gcm.Seal(input(), plaintext_, small, tag), Fails(Code::kMalformed, "wanted 23"));
  EXPECT_THAT(gcm.Open(input(), ciphertext, tag, small), Fails(Code::kMalformed, "wanted 23"));
}

TEST_F(AesGcmRefuses, ButGoesOnAfterwards) {
  AesGcm gcm;
  Bytes out(plaintext_.size());
  std::array<std::uint8_t, kGcmTagSize> tag{};
  EXPECT_THAT(gcm.Seal({.key = {}, .nonce = nonce_}, plaintext_, out, tag),
              Fails(Code::kMalformed, ""));
  ASSERT_OK(gcm.Seal(input(), plaintext_, out, tag));
  EXPECT_EQ(Concat({out, tag}), sealed());
}

TEST(SealedBox, OpensOnlyWithItsKeyAndContext) {
  SystemEntropy entropy;
  const Bytes key = entropy.Take(32), other = entropy.Take(32);
  const Bytes context = ToBytes("record 7"), text = ToBytes("state");
  ASSERT_OK_AND_ASSIGN(const Bytes box, SealBox(key, context, text, entropy));
  EXPECT_EQ(box.size(), 12 + text.size() + 16);
  ASSERT_OK_AND_ASSIGN(const SecretBytes opened, OpenBox(key, context, box));
  EXPECT_TRUE(Equal(opened.Reveal(), text));
  EXPECT_THAT(OpenBox(other, context, box), Fails(Code::kUntrusted, ""));
  EXPECT_THAT(OpenBox(key, ToBytes("record 8"), box), Fails(Code::kUntrusted, ""));
  testing::ForEachFlippedByte(box, [&](ByteView mutated, std::size_t) {
    EXPECT_THAT(OpenBox(key, context, mutated), Fails(Code::kUntrusted, ""));
  });
  testing::ForEachTruncation(box, [&](ByteView mutated, std::size_t size) {
    EXPECT_THAT(OpenBox(key, context, mutated),
                Fails(size < 28 ? Code::kMalformed : Code::kUntrusted, ""));
  });
}

TEST(SealedBox, NeverRepeatsItself) {
  SystemEntropy entropy;
  const Bytes key(32, 3);
  ASSERT_OK_AND_ASSIGN(const Bytes a, SealBox(key, {}, {}, entropy));
  ASSERT_OK_AND_ASSIGN(const Bytes b, SealBox(key, {}, {}, entropy));
  EXPECT_NE(a, b);
}

TEST(SealedBox, TakesNoKeyButOneOf32Bytes) {
  SystemEntropy entropy;
  for (const std::size_t size : {0U, 16U, 31U, 33U}) {
    const Bytes key(size);
    EXPECT_THAT(SealBox(key, {}, {}, entropy), Fails(Code::kMalformed, "wanted 32"));
    EXPECT_THAT(OpenBox(key, {}, Bytes(40)), Fails(Code::kMalformed, "wanted 32"));
  }
}

}  // namespace
}  // namespace strongroom::crypto
