#include "crypto/hash.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "testing/result_matchers.h"

namespace strongroom::crypto {
namespace {

struct DigestCase {
  const char* name;
  std::string message;
  const char* sha256;
  const char* sha384;
  const char* sha512;
};

// FIPS 180-4 examples ("abc" and the 448-bit message), the empty message, a million times "a".
std::vector<DigestCase> DigestCases() {
  return {
      {"empty", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
       "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
       "274edebfe76f65fbd51ad2f14898b95b",
       "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
       "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
      {"abc", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
       "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
       "8086072ba1e7cc2358baeca134c825a7",
       "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
       "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
      {"two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
       "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6"
       "b0455a8520bc4e6f5fe95b1fe3c8452b",
       "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
       "96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445"},
      {"a million times a", std::string(1000000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
       "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b"
       "07b8b3dc38ecc4ebae97ddd87f3d8985",
       "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
       "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"},
  };
}

TEST(Hash, GivesTheDigestsOfTheStandard) {
  for (const DigestCase& row : DigestCases()) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(HexEncode(Sha256(AsBytes(row.message)).view()), row.sha256);
    EXPECT_EQ(HexEncode(Sha384(AsBytes(row.message)).view()), row.sha384);
    EXPECT_EQ(HexEncode(Sha512(AsBytes(row.message)).view()), row.sha512);
  }
}

TEST(Hash, OfPartsIsTheHashOfTheirConcatenation) {
  const std::string text = "the quick brown fox";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const ByteView all = AsBytes(text);
    EXPECT_EQ(Sha256({all.first(cut), all.subspan(cut)}), Sha256(all));
    EXPECT_EQ(Sha384({all.first(cut), all.subspan(cut)}), Sha384(all));
    EXPECT_EQ(Sha512({all.first(cut), ByteView(), all.subspan(cut)}), Sha512(all));
  }
}

TEST(Hash, InPiecesIsTheHashOfTheWhole) {
  const std::string text(1000, 'x');
  for (const std::size_t piece : {1U, 7U, 63U, 64U, 65U, 1000U}) {
    Sha256Hasher hasher;
    for (ByteView rest = AsBytes(text); !rest.empty();) {
      const std::size_t n = std::min(piece, rest.size());
      hasher.Update(rest.first(n));
      rest = rest.subspan(n);
    }
    EXPECT_EQ(std::move(hasher).Finish(), Sha256(AsBytes(text)));
  }
}

struct HmacCase {
  const char* name;
  Bytes key;
  Bytes message;
  const char* mac;
};

Bytes Repeat(std::uint8_t byte, std::size_t n) { return Bytes(n, byte); }

// RFC 4231 section 4; case 5 is about truncation and left out. The empty key is from the standard's
// definition.
std::vector<HmacCase> HmacCases() {
  Bytes counting(25);
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<std::uint8_t>(i + 1);
  return {
      {"case 1", Repeat(0x0b, 20), ToBytes("Hi There"),
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"case 2", ToBytes("Jefe"), ToBytes("what do ya want for nothing?"),
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {"case 3", Repeat(0xaa, 20), Repeat(0xdd, 50),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {"case 4", counting, Repeat(0xcd, 50),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {"case 6", Repeat(0xaa, 131),
       ToBytes("Test Using Larger Than Block-Size Key - Hash Key First"),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {"empty key and message",
       {},
       {},
       "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
  };
}

TEST(Hmac, GivesTheCodesOfRfc4231) {
  for (const HmacCase& row : HmacCases()) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(HexEncode(HmacSha256(row.key, row.message).view()), row.mac);
  }
}

}  // namespace
}  // namespace strongroom::crypto
