#include "simtee/sigstruct.h"

#include "crypto/sgx_signing.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::simtee {
namespace {

using strongroom::testing::Fails;

const crypto::PrivateKey& SigningKey() {
  static const crypto::PrivateKey key = crypto::GenerateSgxSigningKey().value();
  return key;
}

attest::MrEnclave Measurement() {
  attest::MrEnclave measurement;
  measurement.writable()[5] = 0x77;
  return measurement;
}

const Bytes& Signed() {
  static const Bytes bytes =
      SignSigstruct(Measurement(), 3, 2, SigningKey(), ParseRfc3339("2026-11-21T14:00:00Z").value())
          .value();
  return bytes;
}

TEST(Sigstruct, SaysWhatWasSigned) {
  ASSERT_EQ(Signed().size(), kSigstructBytes);
  ASSERT_OK_AND_ASSIGN(const Sigstruct sigstruct, VerifySigstruct(Signed()));
  EXPECT_EQ(sigstruct.mrenclave, Measurement());
  EXPECT_EQ(sigstruct.isv_prod_id, 3);
  EXPECT_EQ(sigstruct.isv_svn, 2);
  EXPECT_EQ(sigstruct.mrsigner, MrSignerOf(SigningKey().public_key()).value());
}

TEST(Sigstruct, HasItsFieldsWhereSgxLooksForThem) {
  const ByteView bytes(Signed());
  EXPECT_TRUE(Equal(bytes.subspan(20, 4), Bytes{0x21, 0x11, 0x26, 0x20}))
      << "date, binary coded decimal";
  EXPECT_TRUE(Equal(bytes.subspan(512, 4), Bytes{3, 0, 0, 0})) << "exponent";
  EXPECT_TRUE(Equal(bytes.subspan(960, 32), Measurement().view())) << "ENCLAVEHASH";
  EXPECT_TRUE(Equal(bytes.subspan(1024, 4), Bytes{3, 0, 2, 0})) << "ISVPRODID, ISVSVN";
  EXPECT_EQ(crypto::Sha256(bytes.subspan(128, 384)).array(),
            MrSignerOf(SigningKey().public_key()).value().array())
      << "MRSIGNER is the modulus' digest";
}

// q1 = ⌊s²/m⌋ and q2 = ⌊(s³ − q1·s·m)/m⌋ over small numbers, padded to 384 bytes.
TEST(Sigstruct, HasTheQuotientsOfTheDefinition) {
  Bytes s(384);
  Bytes m(384);
  s[383] = 200;  // s = 200, m = 301: s² = 40000 = 132·301 + 268; s·268 = 53600 = 178·301 + 22
  m[382] = 1;
  m[383] = 45;
  ASSERT_OK_AND_ASSIGN(const auto quotients, crypto::ComputeSgxQuotients(s, m));
  EXPECT_EQ(quotients.q1[383], 132);
  EXPECT_EQ(quotients.q2[383], 178);
  EXPECT_THAT(crypto::ComputeSgxQuotients(s, Bytes(384)), Fails(Code::kMalformed, "zero"));
  EXPECT_THAT(crypto::ComputeSgxQuotients(Bytes(383), m), Fails(Code::kMalformed, "384"));
}

TEST(Sigstruct, IsRefusedTruncated) {
  strongroom::testing::ForEachTruncation(Signed(), [](ByteView cut, std::size_t length) {
    EXPECT_FALSE(VerifySigstruct(cut).has_value()) << length;
  });
  EXPECT_THAT(VerifySigstruct(Concat({Signed(), Bytes(1)})), Fails(Code::kMalformed, "1809 bytes"));
}

TEST(Sigstruct, IsRefusedWithAnyByteFlipped) {
  strongroom::testing::ForEachFlippedByte(Signed(), [](ByteView flipped, std::size_t offset) {
    EXPECT_FALSE(VerifySigstruct(flipped).has_value()) << offset;
  });
}

TEST(Sigstruct, TakesNoOtherKeyThanSgxDoes) {
  ASSERT_OK_AND_ASSIGN(const auto usual, crypto::PrivateKey::GenerateRsa(3072));
  EXPECT_THAT(SignSigstruct(Measurement(), 0, 0, usual, UnixSeconds{0}),
              Fails(Code::kUnsupported, "public exponent 3"));
  ASSERT_OK_AND_ASSIGN(const auto curve, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  EXPECT_THAT(MrSignerOf(curve.public_key()), Fails(Code::kUnsupported, "P-256"));
}

}  // namespace
}  // namespace strongroom::simtee
