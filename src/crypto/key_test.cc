#include "crypto/key.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/der.h"
#include "crypto/pem.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::crypto {
namespace {

using testing::Fails;

Bytes Hex(std::string_view text) { return HexDecode(text).value(); }

PrivateKey MakeKey(KeyType type) {
  if (type != KeyType::kRsa) return PrivateKey::Generate(type).value();
  static const PrivateKey* const rsa = new PrivateKey(PrivateKey::GenerateRsa(2048).value());
  return *rsa;  // once: finding primes takes a while
}

constexpr KeyType kAllTypes[] = {KeyType::kP224, KeyType::kP256, KeyType::kP384,
                                 KeyType::kP521, KeyType::kRsa,  KeyType::kEd25519};
constexpr KeyType kCurves[] = {KeyType::kP224, KeyType::kP256, KeyType::kP384, KeyType::kP521};
constexpr SignatureScheme kAllSchemes[] = {
    SignatureScheme::kEcdsaSha256,    SignatureScheme::kEcdsaSha384,
    SignatureScheme::kEcdsaSha512,    SignatureScheme::kRsaPkcs1Sha256,
    SignatureScheme::kRsaPkcs1Sha384, SignatureScheme::kRsaPkcs1Sha512,
    SignatureScheme::kRsaPssSha256,   SignatureScheme::kRsaPssSha384,
    SignatureScheme::kRsaPssSha512,   SignatureScheme::kEd25519};

class EveryKeyType : public ::testing::TestWithParam<KeyType> {};
std::string NameOfRow(const ::testing::TestParamInfo<KeyType>& row) {
  std::string name(KeyTypeName(row.param));
  std::erase(name, '-');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Key, EveryKeyType, ::testing::ValuesIn(kAllTypes), NameOfRow);

TEST_P(EveryKeyType, IsReadBackFromWhatItWrote) {
  const PrivateKey key = MakeKey(GetParam());
  EXPECT_EQ(key.type(), GetParam());
  ASSERT_OK_AND_ASSIGN(const PrivateKey der, PrivateKey::FromPkcs8Der(key.Pkcs8Der().Reveal()));
  ASSERT_OK_AND_ASSIGN(const PrivateKey pem, PrivateKey::FromPem(AsText(key.Pkcs8Pem().Reveal())));
  EXPECT_EQ(der.public_key(), key.public_key());
  EXPECT_EQ(pem.public_key(), key.public_key());
  EXPECT_EQ(der.Pkcs8Der(), key.Pkcs8Der());

  const PublicKey& half = key.public_key();
  ASSERT_OK_AND_ASSIGN(const PublicKey spki, PublicKey::FromSpkiDer(half.SpkiDer()));
  ASSERT_OK_AND_ASSIGN(const PublicKey text, PublicKey::FromPem(half.Pem()));
  EXPECT_EQ(spki, half);
  EXPECT_EQ(text, half);
  EXPECT_EQ(half.SpkiSha256(), Sha256(half.SpkiDer()));
}

TEST_P(EveryKeyType, SignsByTheSchemesOfItsFamilyOnly) {
  const PrivateKey key = MakeKey(GetParam());
  const Bytes message = ToBytes("a message");
  int allowed = 0;
  for (const SignatureScheme scheme : kAllSchemes) {
    const auto signature = key.Sign(scheme, message);
    if (!signature.has_value()) {
      EXPECT_THAT(signature, Fails(Code::kUnsupported, "signature by a"));
      EXPECT_THAT(key.public_key().Verify(scheme, message, message),
                  Fails(Code::kUnsupported, "signature by a"));
      continue;
    }
    ++allowed;
    EXPECT_OK(key.public_key().Verify(scheme, message, *signature));
    EXPECT_THAT(key.public_key().Verify(scheme, ToBytes("another"), *signature),
                Fails(Code::kUntrusted, "does not fit"));
  }
  EXPECT_EQ(allowed, GetParam() == KeyType::kRsa ? 6 : GetParam() == KeyType::kEd25519 ? 1 : 3);
}

TEST_P(EveryKeyType, RefusesEverySignatureWithAFlippedByteOrCut) {
  const PrivateKey key = MakeKey(GetParam());
  const SignatureScheme scheme = DefaultScheme(GetParam());
  const Bytes message = ToBytes("a message");
  ASSERT_OK_AND_ASSIGN(Bytes signature, key.Sign(scheme, message));
  const auto refused = [&](ByteView mutated, std::size_t at) {
    EXPECT_THAT(key.public_key().Verify(scheme, message, mutated), Fails(Code::kUntrusted, ""))
        << at;
  };
  testing::ForEachFlippedByte(signature, refused);
  testing::ForEachTruncation(signature, refused);
  signature.push_back(0);
  refused(signature, signature.size());
}

TEST_P(EveryKeyType, RefusesASpkiCutOrContinued) {
  Bytes spki = MakeKey(GetParam()).public_key().SpkiDer();
  testing::ForEachTruncation(spki, [](ByteView cut, std::size_t) {
    EXPECT_THAT(PublicKey::FromSpkiDer(cut), Fails(Code::kMalformed, ""));
  });
  spki.push_back(0);
  EXPECT_THAT(PublicKey::FromSpkiDer(spki), Fails(Code::kMalformed, "left over"));
}

TEST_P(EveryKeyType, FlippedSpkiBytesNeverGiveTheSameKey) {
  const PublicKey key = MakeKey(GetParam()).public_key();
  testing::ForEachFlippedByte(key.SpkiDer(), [&](ByteView mutated, std::size_t) {
    const auto read = PublicKey::FromSpkiDer(mutated);
    EXPECT_TRUE(!read.has_value() || *read != key);
  });
}

TEST_P(EveryKeyType, RefusesPkcs8CutOrContinued) {
  const SecretBytes pkcs8 = MakeKey(GetParam()).Pkcs8Der();
  testing::ForEachTruncation(pkcs8.Reveal(), [](ByteView cut, std::size_t) {
    EXPECT_THAT(PrivateKey::FromPkcs8Der(cut), Fails(Code::kMalformed, ""));
  });
  constexpr std::uint8_t kOneMore[] = {0};
  EXPECT_THAT(PrivateKey::FromPkcs8Der(Concat({pkcs8.Reveal(), kOneMore})),
              Fails(Code::kMalformed, "bytes after"));
}

// What is read of a damaged file is one key, with halves that match, or none. Of RSA every 16th
// byte: that the primes are primes costs 30 ms each time.
TEST_P(EveryKeyType, FlippedPkcs8BytesNeverGiveHalvesOfTwoKeys) {
  const SecretBytes pkcs8 = MakeKey(GetParam()).Pkcs8Der();
  const Bytes message = ToBytes("a message");
  const std::size_t step = GetParam() == KeyType::kRsa ? 16 : 1;
  testing::ForEachFlippedByte(pkcs8.Reveal(), [&](ByteView flipped, std::size_t offset) {
    if (offset % step != 0) return;
    const Result<PrivateKey> read = PrivateKey::FromPkcs8Der(flipped);
    if (!read.has_value()) return;
    const SignatureScheme scheme = DefaultScheme(read->type());
    ASSERT_OK_AND_ASSIGN(const Bytes signature, read->Sign(scheme, message));
    EXPECT_OK(read->public_key().Verify(scheme, message, signature)) << offset;
  });
}

// --- known answers ---

// RFC 6979 A.2.5, A.2.6 and A.2.7: message "sample", a digest as strong as the curve.
constexpr struct {
  const char* name;
  KeyType curve;
  SignatureScheme scheme;
  std::string_view point;      // x then y
  std::string_view signature;  // r then s
} kRfc6979[] = {
    {"P-256", KeyType::kP256, SignatureScheme::kEcdsaSha256,
     "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99"
     "a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41"
     "d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {"P-384", KeyType::kP384, SignatureScheme::kEcdsaSha384,
     "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea90558660"
     "64a254515480bc138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1"
     "288b231c3ae0d4fe7344fd2533264720",
     "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf9"
     "6e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f"
     "a329c145786e679e7b82c71a38628ac8"},
    {"P-521", KeyType::kP521, SignatureScheme::kEcdsaSha512,
     "01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b"
     "5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a400493101c962cd4d2fddf782285e"
     "64584139c2f91b47f87ff82354d6630f746a28a0db25741b5b34a828008b22acc23f924faafbd4d3"
     "3f81ea66956dfeaa2bfdfcf5",
     "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5"
     "d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa00617cce7cf5064806c467f678d3"
     "b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1"
     "dccc43997f1ee0e44da4a67a"},
};

// Those of P-256, which other tests change.
constexpr std::string_view kRfc6979Point = kRfc6979[0].point;
constexpr std::string_view kRfc6979Signature = kRfc6979[0].signature;

TEST(Ecdsa, AcceptsTheSignaturesOfRfc6979) {
  for (const auto& row : kRfc6979) {
    SCOPED_TRACE(row.name);
    ASSERT_OK_AND_ASSIGN(const PublicKey key, PublicKey::FromRawPoint(row.curve, Hex(row.point)));
    const Bytes signature = Hex(row.signature);
    for (const SignatureScheme scheme :
         {SignatureScheme::kEcdsaSha256, SignatureScheme::kEcdsaSha384,
          SignatureScheme::kEcdsaSha512}) {
      const Status verified = key.VerifyRaw(scheme, ToBytes("sample"), signature);
      if (scheme == row.scheme) {
        EXPECT_OK(verified);
      } else {
        EXPECT_THAT(verified, Fails(Code::kUntrusted, ""));
      }
    }
    EXPECT_THAT(key.VerifyRaw(row.scheme, ToBytes("Sample"), signature),
                Fails(Code::kUntrusted, ""));
  }
}

// RFC 8032 7.1, tests 1 and 3.
TEST(Ed25519, GivesTheSignaturesOfRfc8032) {
  struct Row {
    const char* seed;
    const char* key;
    const char* message;
    const char* signature;
  };
  constexpr Row kRows[] = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
       "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
       "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
  };
  for (const Row& row : kRows) {
    const Bytes pkcs8 = Concat({Hex("302e020100300506032b657004220420"), Hex(row.seed)});
    ASSERT_OK_AND_ASSIGN(const PrivateKey key, PrivateKey::FromPkcs8Der(pkcs8));
    EXPECT_EQ(HexEncode(ByteView(key.public_key().SpkiDer()).last(32)), row.key);
    ASSERT_OK_AND_ASSIGN(const Bytes signature,
                         key.Sign(SignatureScheme::kEd25519, Hex(row.message)));
    EXPECT_EQ(HexEncode(signature), row.signature);
    EXPECT_OK(key.public_key().Verify(SignatureScheme::kEd25519, Hex(row.message), signature));
  }
}

// --- ECDSA edge cases, as Project Wycheproof groups them ---

constexpr std::string_view kOrder =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
constexpr std::string_view kOrderPlusOne =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552";
constexpr std::string_view kFieldPrime =
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
constexpr std::string_view kZero =
    "0000000000000000000000000000000000000000000000000000000000000000";
constexpr std::string_view kOne =
    "0000000000000000000000000000000000000000000000000000000000000001";
constexpr std::string_view kAllOnes =
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

TEST(Ecdsa, RefusesNumbersOutOfRange) {
  ASSERT_OK_AND_ASSIGN(const PublicKey key,
                       PublicKey::FromRawPoint(KeyType::kP256, Hex(kRfc6979Point)));
  const std::string good_r(kRfc6979Signature.substr(0, 64)), good_s(kRfc6979Signature.substr(64));
  for (const std::string_view bad : {kZero, kOne, kOrder, kOrderPlusOne, kFieldPrime, kAllOnes}) {
    SCOPED_TRACE(bad);
    const Bytes number = Hex(bad);
    for (const Bytes& r_s :
         {Concat({number, Hex(good_s)}), Concat({Hex(good_r), number}), Concat({number, number})}) {
      EXPECT_THAT(key.VerifyRaw(SignatureScheme::kEcdsaSha256, ToBytes("sample"), r_s),
                  Fails(Code::kUntrusted, ""));
    }
  }
}

TEST(Ecdsa, RefusesRawSignaturesOfAnotherSize) {
  const PrivateKey key = MakeKey(KeyType::kP256);
  for (const std::size_t size : {0U, 1U, 63U, 65U, 96U, 132U}) {
    EXPECT_THAT(key.public_key().VerifyRaw(SignatureScheme::kEcdsaSha256, {}, Bytes(size)),
                Fails(Code::kMalformed, "wanted 64"));
  }
}

struct DerSignatureCase {
  const char* name;
  Bytes signature;
};

std::vector<DerSignatureCase> BadDerSignatures() {
  const Bytes r = Hex(kRfc6979Signature.substr(0, 64)), s = Hex(kRfc6979Signature.substr(64));
  const Bytes der_r = DerUnsignedBig(r), der_s = DerUnsignedBig(s);
  const Bytes good = DerSequence({der_r, der_s});
  Bytes long_length = Concat({Hex("308147"), ByteView(good).subspan(2)});
  long_length[2] = good[1];
  return {
      {"empty", {}},
      {"empty sequence", DerSequence(std::vector<Bytes>{})},
      {"one number", DerSequence({der_r})},
      {"three numbers", DerSequence({der_r, der_s, DerUnsigned(0)})},
      {"raw r and s", Concat({r, s})},
      {"negative r (no sign byte)", DerSequence({DerElementOf(der::kInteger, {r}), der_s})},
      {"negative s (no sign byte)", DerSequence({der_r, DerElementOf(der::kInteger, {s})})},
      {"r padded", DerSequence({DerElementOf(der::kInteger, {Hex("0000"), r}), der_s})},
      {"s padded", DerSequence({der_r, DerElementOf(der::kInteger, {Hex("0000"), s})})},
      {"length in long form", long_length},
      {"indefinite length", Concat({Hex("3080"), der_r, der_s, Hex("0000")})},
      {"trailing byte inside", DerSequence({der_r, der_s, Hex("00")})},
      {"trailing byte outside", Concat({good, Hex("00")})},
      {"octet strings", DerSequence({DerOctetString(r), DerOctetString(s)})},
      {"a set", DerElementOf(der::kSet, {der_r, der_s})},
      {"zeros", DerSequence({DerUnsigned(0), DerUnsigned(0)})},
      {"r zero", DerSequence({DerUnsigned(0), der_s})},
      {"empty integer", DerSequence({DerElementOf(der::kInteger, {}), der_s})},
      {"swapped", DerSequence({der_s, der_r})},
      {"r of a kilobyte", DerSequence({DerUnsignedBig(Bytes(1024, 0x7f)), der_s})},
  };
}

TEST(Ecdsa, RefusesSignaturesThatAreNotStrictDer) {
  ASSERT_OK_AND_ASSIGN(const PublicKey key,
                       PublicKey::FromRawPoint(KeyType::kP256, Hex(kRfc6979Point)));
  for (const DerSignatureCase& row : BadDerSignatures()) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(key.Verify(SignatureScheme::kEcdsaSha256, ToBytes("sample"), row.signature),
                Fails(Code::kUntrusted, "does not fit"));
  }
}

TEST(Ecdsa, RawAndDerSignaturesAreTheSame) {
  for (const KeyType type : kCurves) {
    const PrivateKey key = MakeKey(type);
    const SignatureScheme scheme = DefaultScheme(type);
    for (int round = 0; round < 40; ++round) {  // about every second number needs a sign byte
      ASSERT_OK_AND_ASSIGN(const Bytes raw, key.SignRaw(scheme, ToBytes("m")));
      EXPECT_OK(key.public_key().VerifyRaw(scheme, ToBytes("m"), raw));
    }
  }
}

// --- points ---

TEST(Point, OfEveryCurveComesBack) {
  for (const KeyType type : kCurves) {
    const PublicKey key = MakeKey(type).public_key();
    ASSERT_OK_AND_ASSIGN(const Bytes point, key.RawPoint());
    ASSERT_OK_AND_ASSIGN(const PublicKey read, PublicKey::FromRawPoint(type, point));
    EXPECT_EQ(read, key);
  }
}

TEST(Point, ThatIsNoneIsRefused) {
  const Bytes x = Hex(kRfc6979Point.substr(0, 64)), y = Hex(kRfc6979Point.substr(64));
  const struct {
    const char* name;
    Bytes xy;
  } cases[] = {
      {"infinity", Bytes(64)},
      {"x and y swapped", Concat({y, x})},
      {"x alone", Concat({x, Bytes(32)})},
      {"y alone", Concat({Bytes(32), y})},
      {"x not reduced", Concat({Hex(kFieldPrime), y})},
      {"y not reduced", Concat({x, Hex(kFieldPrime)})},
      {"all ones", Bytes(64, 0xff)},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(PublicKey::FromRawPoint(KeyType::kP256, row.xy), Fails(Code::kMalformed, ""));
  }
}

TEST(Point, WithAnyFlippedBitIsOffTheCurve) {
  const Bytes point = Hex(kRfc6979Point);
  for (unsigned bit = 0; bit < 8; ++bit) {
    testing::ForEachFlippedByte(
        point,
        [](ByteView mutated, std::size_t) {
          EXPECT_THAT(PublicKey::FromRawPoint(KeyType::kP256, mutated),
                      Fails(Code::kMalformed, ""));
        },
        static_cast<std::uint8_t>(1U << bit));
  }
}

TEST(Point, OfAnotherSizeOrTypeIsRefused) {
  for (const std::size_t size : {0U, 32U, 63U, 65U, 96U}) {
    EXPECT_THAT(PublicKey::FromRawPoint(KeyType::kP256, Bytes(size)),
                Fails(Code::kMalformed, "wanted 64"));
  }
  EXPECT_THAT(PublicKey::FromRawPoint(KeyType::kRsa, Bytes(64)), Fails(Code::kUnsupported, "RSA"));
  EXPECT_THAT(MakeKey(KeyType::kEd25519).public_key().RawPoint(),
              Fails(Code::kUnsupported, "Ed25519"));
  // A point of P-256 is not one of another curve of the same size.
  const Bytes spki = MakeKey(KeyType::kP256).public_key().SpkiDer();
  Bytes secp256k1 =
      Concat({Hex("3056301006072a8648ce3d020106052b8104000a"), ByteView(spki).subspan(23)});
  EXPECT_THAT(PublicKey::FromSpkiDer(secp256k1), Fails(Code::kUnsupported, "1.3.132.0.10"));
}

// --- SubjectPublicKeyInfo ---

Bytes EcSpki(ByteView algorithm_parameters, ByteView point) {
  return DerSequence(
      {DerSequence({DerOid("1.2.840.10045.2.1"), algorithm_parameters}), DerBitString(point)});
}

Bytes RsaSpki(ByteView modulus, ByteView exponent) {
  const Bytes key = DerSequence({DerUnsignedBig(modulus), DerUnsignedBig(exponent)});
  return DerSequence(
      {DerSequence({DerOid("1.2.840.113549.1.1.1"), Hex("0500")}), DerBitString(key)});
}

TEST(Spki, OfUnknownOrOddMakeIsRefused) {
  const Bytes p256 = DerOid("1.2.840.10045.3.1.7");
  const Bytes point = Concat({Hex("04"), Hex(kRfc6979Point)});
  const Bytes compressed = Concat({Hex("03"), Hex(kRfc6979Point.substr(0, 64))});
  const Bytes modulus = Bytes(256, 0xc1);
  const struct {
    const char* name;
    Bytes spki;
    Code code;
  } cases[] = {
      {"compressed point", EcSpki(p256, compressed), Code::kUnsupported},
      {"hybrid point", EcSpki(p256, Concat({Hex("06"), Hex(kRfc6979Point)})), Code::kMalformed},
      {"infinity", EcSpki(p256, Hex("00")), Code::kMalformed},
      {"no curve", EcSpki({}, point), Code::kUnsupported},
      {"null for a curve", EcSpki(Hex("0500"), point), Code::kUnsupported},
      {"explicit curve", EcSpki(DerSequence({DerUnsigned(1)}), point), Code::kUnsupported},
      {"something after the curve", EcSpki(Concat({p256, Hex("0500")}), point), Code::kMalformed},
      {"P-384 with a P-256 point", EcSpki(DerOid("1.3.132.0.34"), point), Code::kMalformed},
      {"X25519", Hex("302a300506032b656e032100" + std::string(64, '1')), Code::kUnsupported},
      {"Ed25519 of 31 bytes", Hex("3029300506032b6570032000" + std::string(60, '1') + "11"),
       Code::kMalformed},
      {"RSA of 2047 bits", RsaSpki(Bytes(256, 0x41), Hex("010001")), Code::kMalformed},
      {"RSA of 1024 bits", RsaSpki(Bytes(128, 0xc1), Hex("010001")), Code::kMalformed},
      {"RSA of 8200 bits", RsaSpki(Bytes(1025, 0xc1), Hex("010001")), Code::kMalformed},
      {"RSA with an even modulus", RsaSpki(Bytes(256, 0xc0), Hex("010001")), Code::kMalformed},
      {"RSA with exponent 1", RsaSpki(modulus, Hex("01")), Code::kMalformed},
      {"RSA with an even exponent", RsaSpki(modulus, Hex("010000")), Code::kMalformed},
      {"RSA with exponent zero", RsaSpki(modulus, Hex("00")), Code::kMalformed},
      {"RSA with an exponent of 72 bits", RsaSpki(modulus, Hex("010000000000000001")),
       Code::kMalformed},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(PublicKey::FromSpkiDer(row.spki), Fails(row.code, ""));
  }
  EXPECT_OK(PublicKey::FromSpkiDer(EcSpki(p256, point)));
  EXPECT_OK(PublicKey::FromSpkiDer(RsaSpki(modulus, Hex("010001"))));
}

// --- RSA ---

// PKCS#1 v1.5: RFC 7515 A.2. PSS: RFC 9421 B.2.1, its key "test-key-rsa-pss". Keys and signatures
// are base64.
constexpr struct {
  const char* name;
  SignatureScheme scheme;
  std::string_view spki;
  std::string_view message;
  std::string_view signature;
} kRsaAnswers[] = {
    {"PKCS#1", SignatureScheme::kRsaPkcs1Sha256,
     "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wW"
     "JcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMs"
     "D1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e"
     "+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX"
     "FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQAB",
     "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9"
     "leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
     "cC4hiUPoj9Eetdgtv3hF80EGrhuB//dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh+0Qc/lF"
     "5YKt/O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB++f/nZLgrnbyTyWzO75vRK"
     "5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB/eSN9383LcOLn6/dO++xi12jzDwusC+eOkHWEsqt"
     "FZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
     "p0igcN/IoypGlUPQGe77Rw=="},
    {"PSS", SignatureScheme::kRsaPssSha512,
     "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2+QEtvpuRaV8Yq40g"
     "jUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAv"
     "Lkhk95AndTrifbIFPNU8PPMO7OyrFAHqgDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+b"
     "J9cvSKADYdUAAN5WUtzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4"
     "aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI2wIDAQAB",
     "\"@signature-params\": ();created=1618884473;keyid=\"test-key-rsa-pss\";"
     "nonce=\"b3k2pp5k7z-50gnwp.yemd\"",
     "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it+"
     "+wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2"
     "cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvt"
     "l6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bL"
     "hdxO5Nyt8C8ssinQ98Xw9Q=="},
};

TEST(Rsa, AcceptsTheSignaturesOfTheRfcs) {
  for (const auto& row : kRsaAnswers) {
    SCOPED_TRACE(row.name);
    ASSERT_OK_AND_ASSIGN(const PublicKey key,
                         PublicKey::FromSpkiDer(Base64Decode(row.spki).value()));
    EXPECT_EQ(key.type(), KeyType::kRsa);
    const Bytes signature = Base64Decode(row.signature).value();
    for (const SignatureScheme scheme : kAllSchemes) {
      const Status verified = key.Verify(scheme, AsBytes(row.message), signature);
      EXPECT_EQ(verified.has_value(), scheme == row.scheme);
    }
    Bytes other = ToBytes(AsBytes(row.message));
    other.back() ^= 1;
    EXPECT_THAT(key.Verify(row.scheme, other, signature), Fails(Code::kUntrusted, ""));
  }
}

TEST(Rsa, PaddingsDoNotStandInForEachOther) {
  const PrivateKey key = MakeKey(KeyType::kRsa);
  const Bytes message = ToBytes("a message");
  for (const SignatureScheme made : kAllSchemes) {
    const auto signature = key.Sign(made, message);
    if (!signature.has_value()) continue;
    for (const SignatureScheme asked : kAllSchemes) {
      if (asked == made || !key.Sign(asked, message).has_value()) continue;
      EXPECT_THAT(key.public_key().Verify(asked, message, *signature), Fails(Code::kUntrusted, ""));
    }
  }
}

TEST(Rsa, RefusesSignaturesOfAnotherSizeAndPlainNumbers) {
  const PublicKey key = MakeKey(KeyType::kRsa).public_key();
  Bytes one(256);
  one.back() = 1;
  for (const Bytes& bad :
       {Bytes(), Bytes(1, 0), Bytes(255, 1), Bytes(257, 1), Bytes(256, 0), Bytes(256, 0xff), one}) {
    for (const SignatureScheme scheme :
         {SignatureScheme::kRsaPkcs1Sha256, SignatureScheme::kRsaPssSha256}) {
      EXPECT_THAT(key.Verify(scheme, ToBytes("m"), bad), Fails(Code::kUntrusted, ""));
    }
  }
}

TEST(Rsa, KeysOfOtherSizesAreNotMade) {
  for (const int bits : {-1, 0, 512, 1024, 2047, 16384}) {
    EXPECT_THAT(PrivateKey::GenerateRsa(bits), Fails(Code::kUnsupported, "wanted 2048"));
  }
  EXPECT_THAT(PrivateKey::Generate(KeyType::kRsa), Fails(Code::kUnsupported, "bits"));
}

// --- private keys in files ---

// Made once with `openssl ecparam -name prime256v1 -genkey`; its PKCS#8 form by `openssl pkcs8
// -topk8`.
TEST(PrivateKeyFile, ReadsEveryPemForm) {
  const PrivateKey key = MakeKey(KeyType::kP256);
  const std::string pkcs8(AsText(key.Pkcs8Pem().Reveal()));
  // A SEC1 key is what PKCS#8 wraps in an OCTET STRING (RFC 5915).
  const SecretBytes der = key.Pkcs8Der();
  DerReader outer(der.Reveal());
  DerReader info = outer.Sequence().value();
  ASSERT_OK(info.Unsigned());
  ASSERT_OK(info.Sequence());
  ASSERT_OK_AND_ASSIGN(const ByteView wrapped, info.OctetString());
  DerReader sec1_outer(wrapped);
  DerReader sec1 = sec1_outer.Sequence().value();
  ASSERT_OK(sec1.Unsigned());
  ASSERT_OK_AND_ASSIGN(const ByteView scalar, sec1.OctetString());
  const Bytes curve = DerOid("1.2.840.10045.3.1.7");
  const Bytes with_curve =
      DerSequence({DerUnsigned(1), DerOctetString(scalar),
                   DerElementOf(der::ContextConstructed(0), {curve}), sec1.Next().value().whole});
  const std::string sec1_pem = EncodePem("EC PRIVATE KEY", with_curve);
  const std::string parameters = EncodePem("EC PARAMETERS", curve);
  for (const std::string& text : {pkcs8, sec1_pem, parameters + sec1_pem}) {
    ASSERT_OK_AND_ASSIGN(const PrivateKey read, PrivateKey::FromPem(text));
    EXPECT_EQ(read.public_key(), key.public_key());
  }
  EXPECT_THAT(PrivateKey::FromPem(sec1_pem + parameters), Fails(Code::kMalformed, "two PEM"));
  EXPECT_THAT(PrivateKey::FromPem(pkcs8 + pkcs8), Fails(Code::kMalformed, "two PEM"));
  EXPECT_THAT(PrivateKey::FromPem(EncodePem("CERTIFICATE", with_curve)),
              Fails(Code::kMalformed, "wanted a private key"));
  EXPECT_THAT(PrivateKey::FromPem(EncodePem("ENCRYPTED PRIVATE KEY", with_curve)),
              Fails(Code::kUnsupported, "openssl pkcs8"));
  EXPECT_THAT(PrivateKey::FromPem(EncodePem("EC PRIVATE KEY", Concat({with_curve, Hex("00")}))),
              Fails(Code::kMalformed, "bytes after"));
  EXPECT_THAT(PrivateKey::FromPem("nothing"), Fails(Code::kMalformed, "no PEM"));
}

TEST(PrivateKeyFile, WithThePublicHalfOfAnotherKeyIsRefused) {
  const SecretBytes mine = MakeKey(KeyType::kP256).Pkcs8Der();
  const SecretBytes other = MakeKey(KeyType::kP256).Pkcs8Der();
  ASSERT_EQ(mine.size(), other.size());
  // The 64 bytes of the point come last.
  const Bytes mixed = Concat({mine.Reveal().first(mine.size() - 64), other.Reveal().last(64)});
  EXPECT_THAT(PrivateKey::FromPkcs8Der(mixed), Fails(Code::kMalformed, ""));
}

TEST(PrivateKeyFile, WithAScalarOutOfRangeIsRefused) {
  for (const std::string_view scalar : {kZero, kOrder, kOrderPlusOne, kAllOnes}) {
    const Bytes sec1 = DerSequence({DerUnsigned(1), DerOctetString(Hex(scalar))});
    const Bytes pkcs8 = DerSequence(
        {DerUnsigned(0), DerSequence({DerOid("1.2.840.10045.2.1"), DerOid("1.2.840.10045.3.1.7")}),
         DerOctetString(sec1)});
    EXPECT_THAT(PrivateKey::FromPkcs8Der(pkcs8), Fails(Code::kMalformed, "")) << scalar;
  }
}

}  // namespace
}  // namespace strongroom::crypto
