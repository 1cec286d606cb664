#include "ratls/dice.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/hash.h"
#include "ratls/cbor.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::ratls {
namespace {

using testing::Fails;

const Bytes kSpki = ToBytes("a SubjectPublicKeyInfo");

Bytes KeyHashClaim(std::uint64_t algorithm, ByteView hash) {
  CborWriter w;
  w.Array(2).Unsigned(algorithm).ByteString(hash);
  return std::move(w).Finish();
}

TEST(DiceClaims, AreGraminesBytes) {
  const Bytes claims = EncodeDiceClaims(kSpki);
  EXPECT_EQ(claims.size(), 51U);
  EXPECT_EQ(HexEncode(claims),
            "a1"
            "6b" +
                HexEncode(AsBytes("pubkey-hash")) +
                "5824"
                "82"
                "01"
                "5820" +
                HexEncode(crypto::Sha256(kSpki).view()));
  const Bytes value = EncodeDiceEvidence(Bytes(4734, 3), claims);
  EXPECT_EQ(value.size(), 4794U);
  EXPECT_EQ(HexEncode(ByteView(value).first(7)),
            "d9ea60"
            "82"
            "59127e");
  EXPECT_EQ(HexEncode(ByteView(value).subspan(7 + 4734, 2)), "5833");
}

TEST(DiceClaims, RoundTrip) {
  const Bytes nonce(16, 9);
  const Bytes claims = EncodeDiceClaims(kSpki, nonce);
  ASSERT_OK_AND_ASSIGN(const DiceClaims parsed, ParseDiceClaims(claims));
  EXPECT_EQ(parsed.key_hash_algorithm, 1U);
  EXPECT_TRUE(Equal(*parsed.nonce, nonce));
  EXPECT_OK(CheckDiceKey(parsed, kSpki));
  EXPECT_THAT(CheckDiceKey(parsed, AsBytes("another key")), Fails(Code::kUntrusted, "pubkey-hash"));
}

TEST(DiceClaims, TakeTheThreeHashesOfTheSpecification) {
  const struct {
    std::uint64_t algorithm;
    Bytes hash;
  } rows[] = {{1, ToBytes(crypto::Sha256(kSpki).view())},
              {7, ToBytes(crypto::Sha384(kSpki).view())},
              {8, ToBytes(crypto::Sha512(kSpki).view())}};
  for (const auto& row : rows) {
    EXPECT_OK(CheckDiceKey({row.algorithm, row.hash, std::nullopt}, kSpki)) << row.algorithm;
    Bytes shorter = row.hash;
    shorter.pop_back();
    EXPECT_FALSE(CheckDiceKey({row.algorithm, shorter, std::nullopt}, kSpki).has_value());
  }
  EXPECT_THAT(CheckDiceKey({2, rows[0].hash, std::nullopt}, kSpki),
              Fails(Code::kUnsupported, "algorithm 2"));
  EXPECT_THAT(CheckDiceKey({1, {}, std::nullopt}, kSpki), Fails(Code::kUntrusted, ""));
}

// Gramine accepts claims without pubkey-hash: then no key is bound at all.
TEST(DiceClaims, WithoutAKeyAreRefused) {
  CborWriter nonce_only;
  nonce_only.Map(1).TextString("nonce").ByteString(Bytes(16, 1));
  EXPECT_THAT(ParseDiceClaims(std::move(nonce_only).Finish()),
              Fails(Code::kMalformed, "no pubkey-hash"));
  CborWriter empty;
  empty.Map(0);
  EXPECT_THAT(ParseDiceClaims(std::move(empty).Finish()),
              Fails(Code::kMalformed, "no pubkey-hash"));
}

TEST(DiceClaims, IgnoreUnknownNamesAndRefuseRepeatedOnes) {
  const Bytes hash = KeyHashClaim(1, crypto::Sha256(kSpki).view());
  CborWriter w;
  w.Map(3)
      .TextString("other")
      .Array(2)
      .Unsigned(1)
      .TextString("x")
      .TextString("pubkey-hash")
      .ByteString(hash);
  w.TextString("another").Unsigned(5);
  const Bytes with_unknown = std::move(w).Finish();
  ASSERT_OK_AND_ASSIGN(const DiceClaims parsed, ParseDiceClaims(with_unknown));
  EXPECT_OK(CheckDiceKey(parsed, kSpki));

  CborWriter twice;
  twice.Map(2)
      .TextString("pubkey-hash")
      .ByteString(hash)
      .TextString("pubkey-hash")
      .ByteString(hash);
  EXPECT_THAT(ParseDiceClaims(std::move(twice).Finish()), Fails(Code::kMalformed, "there twice"));
  CborWriter nonces;
  nonces.Map(3).TextString("nonce").ByteString(hash).TextString("pubkey-hash").ByteString(hash);
  nonces.TextString("nonce").ByteString(hash);
  EXPECT_THAT(ParseDiceClaims(std::move(nonces).Finish()), Fails(Code::kMalformed, "there twice"));
}

TEST(DiceClaims, OfAnotherShapeAreRefused) {
  const auto with_hash = [](ByteView value) {
    CborWriter w;
    w.Map(1).TextString("pubkey-hash").ByteString(value);
    return std::move(w).Finish();
  };
  CborWriter three;
  three.Array(3).Unsigned(1).ByteString(Bytes(32, 1)).Unsigned(0);
  EXPECT_THAT(ParseDiceClaims(with_hash(std::move(three).Finish())),
              Fails(Code::kMalformed, "3 elements"));
  EXPECT_THAT(ParseDiceClaims(with_hash(Bytes(32, 1))), Fails(Code::kMalformed, ""));
  Bytes longer = KeyHashClaim(1, Bytes(32, 1));
  longer.push_back(0);
  EXPECT_THAT(ParseDiceClaims(with_hash(longer)), Fails(Code::kMalformed, "1 bytes after"));
  CborWriter many;
  many.Map(33);
  EXPECT_THAT(ParseDiceClaims(std::move(many).Finish()), Fails(Code::kExhausted, "33 claims"));
  CborWriter text;
  text.Map(1).TextString("pubkey-hash").TextString("x");
  EXPECT_THAT(ParseDiceClaims(std::move(text).Finish()),
              Fails(Code::kMalformed, "wanted byte string"));
}

TEST(DiceEvidence, RefusesTrailingBytesUnlessTolerated) {
  Bytes claims = EncodeDiceClaims(kSpki);
  claims.push_back(0);  // as libcbor 0.8 leaves it
  Bytes value = EncodeDiceEvidence(Bytes(436, 3), claims);
  EXPECT_THAT(ParseDiceClaims(claims), Fails(Code::kMalformed, "1 bytes after"));
  EXPECT_OK(ParseDiceClaims(claims, {.tolerate_trailing_zeros = true}));
  ASSERT_OK_AND_ASSIGN(const DiceEvidence evidence, ParseDiceEvidence(value));
  // Report data is over the claims as embedded, padding and all.
  EXPECT_EQ(evidence.claims.size(), 52U);
  value.push_back(0);
  EXPECT_THAT(ParseDiceEvidence(value), Fails(Code::kMalformed, "1 bytes after"));
  EXPECT_OK(ParseDiceEvidence(value, {.tolerate_trailing_zeros = true}));
  value.push_back(1);
  EXPECT_THAT(ParseDiceEvidence(value, {.tolerate_trailing_zeros = true}),
              Fails(Code::kMalformed, "2 bytes after"));
}

TEST(DiceEvidence, OfAnotherShapeIsRefused) {
  CborWriter report;
  report.Tag(60001).Array(2).ByteString(Bytes(3, 0)).ByteString(Bytes(3, 0));
  EXPECT_THAT(ParseDiceEvidence(std::move(report).Finish()),
              Fails(Code::kUnsupported, "tag 60001"));
  CborWriter three;
  three.Tag(60000).Array(3).ByteString(Bytes(3, 0)).ByteString(Bytes(3, 0)).ByteString(Bytes(3, 0));
  EXPECT_THAT(ParseDiceEvidence(std::move(three).Finish()), Fails(Code::kMalformed, "3 elements"));
  CborWriter bare;
  bare.Array(2).ByteString(Bytes(3, 0)).ByteString(Bytes(3, 0));
  EXPECT_THAT(ParseDiceEvidence(std::move(bare).Finish()), Fails(Code::kMalformed, "wanted tag"));
  EXPECT_THAT(ParseDiceEvidence(EncodeDiceEvidence(Bytes(70'000, 3), {})),
              Fails(Code::kExhausted, "70000"));
  EXPECT_THAT(ParseDiceEvidence(EncodeDiceEvidence({}, Bytes(5'000, 3))),
              Fails(Code::kExhausted, "5000"));
}

TEST(DiceEvidence, TruncatedAnywhereIsMalformed) {
  const Bytes claims = EncodeDiceClaims(kSpki);
  const Bytes value = EncodeDiceEvidence(Bytes(436, 3), claims);
  testing::ForEachTruncation(value, [](ByteView cut, std::size_t size) {
    EXPECT_THAT(ParseDiceEvidence(cut), Fails(Code::kMalformed, "")) << size;
  });
  testing::ForEachTruncation(claims, [](ByteView cut, std::size_t size) {
    EXPECT_THAT(ParseDiceClaims(cut), Fails(Code::kMalformed, "")) << size;
  });
}

// A changed byte of the claims changes what the quote would have to say, or names another key.
TEST(DiceClaims, ChangedAnywhereAreNotThisKeys) {
  const Bytes claims = EncodeDiceClaims(kSpki);
  testing::ForEachFlippedByte(claims, [&](ByteView changed, std::size_t offset) {
    EXPECT_NE(DiceReportData(changed), DiceReportData(claims)) << offset;
    const auto parsed = ParseDiceClaims(changed);
    if (!parsed) return;
    EXPECT_FALSE(CheckDiceKey(*parsed, kSpki).has_value()) << offset;
  });
}

}  // namespace
}  // namespace strongroom::ratls
