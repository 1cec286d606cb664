#include "crypto/crl.h"

#include "base/encoding.h"
#include "base/reader.h"
#include "crypto/test_pki.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::crypto {
namespace {

using testing::Fails;

TEST(Crl, SaysWhatItsSpecSaid) {
  TestPki pki;
  pki.ca_crl_spec.number = 300;
  pki.ca_crl_spec.revoked = {{.serial_hex = "0a", .revoked_at = kNow},
                             {.serial_hex = "8abc", .revoked_at = kStart}};
  const SignedPki made(pki);
  ASSERT_OK_AND_ASSIGN(const Crl crl, Crl::FromDer(made.crls[1].der()));
  EXPECT_EQ(crl.fields().issuer, made.ca.fields().subject);
  EXPECT_EQ(crl.fields().this_update, kStart);
  EXPECT_EQ(crl.fields().next_update, kEnd);
  EXPECT_EQ(crl.fields().crl_number_hex, "012c");
  EXPECT_EQ(crl.fields().authority_key_id, made.ca.fields().subject_key_id);
  ASSERT_EQ(crl.fields().revoked.size(), 2U);
  ASSERT_NE(crl.Find("8abc"), nullptr);
  EXPECT_EQ(crl.Find("8abc")->revoked_at, kStart);
  EXPECT_EQ(crl.Find("8abd"), nullptr);
  EXPECT_OK(crl.VerifySignature(pki.ca_key.public_key()));
  EXPECT_THAT(crl.VerifySignature(pki.root_key.public_key()), Fails(Code::kUntrusted, "CRL of"));
}

TEST(Crl, IsReadFromDerPemAndHex) {
  const SignedPki made{TestPki{}};
  const Crl& crl = made.crls[0];
  for (const Bytes& form :
       {ToBytes(crl.der()), ToBytes(crl.Pem()), ToBytes(HexEncode(crl.der()))}) {
    ASSERT_OK_AND_ASSIGN(const Crl read, Crl::FromAny(form));
    EXPECT_TRUE(Equal(read.der(), crl.der()));
  }
  for (const char* bad : {"", "30", "3", "not a list", "-----BEGIN X509 CRL-----", "30zz"}) {
    EXPECT_THAT(Crl::FromAny(AsBytes(bad)), Fails(Code::kMalformed, "")) << bad;
  }
}

TEST(Crl, TruncationsTrailingBytesAndGiantsAreRefused) {
  TestPki pki;
  pki.ca_crl_spec.revoked = {{.serial_hex = "0a", .revoked_at = kNow}};
  const SignedPki made(pki);
  testing::ForEachTruncation(made.crls[1].der(), [](ByteView cut, std::size_t) {
    EXPECT_THAT(Crl::FromDer(cut), Fails(Code::kMalformed, ""));
  });
  constexpr std::uint8_t kOneMore[] = {0};
  EXPECT_THAT(Crl::FromDer(Concat({made.crls[1].der(), kOneMore})),
              Fails(Code::kMalformed, "left over"));
  EXPECT_THAT(Crl::FromDer(Bytes(kMaxCrlBytes + 1)), Fails(Code::kExhausted, "at most"));
  EXPECT_THAT(Crl::FromPem(std::string(2 * kMaxCrlBytes + 1, 'x')),
              Fails(Code::kExhausted, "2 MiB"));
}

TEST(Crl, FlippedBytesAreRefusedOrNoLongerSigned) {
  const TestPki pki;
  const SignedPki made(pki);
  testing::ForEachFlippedByte(made.crls[1].der(), [&](ByteView mutated, std::size_t at) {
    const auto read = Crl::FromDer(mutated);
    if (read) {
      EXPECT_FALSE(read->VerifySignature(pki.ca_key.public_key()).has_value()) << at;
    }
  });
}

TEST(Crl, HoldsManyEntries) {
  TestPki pki;
  for (std::uint32_t i = 1; i <= 5000; ++i) {
    Writer serial;
    pki.ca_crl_spec.revoked.push_back(
        {.serial_hex = HexEncode(serial.U32Be(i + 0x01000000).bytes()), .revoked_at = kNow});
  }
  const SignedPki made(pki);
  EXPECT_EQ(made.crls[1].fields().revoked.size(), 5000U);
  EXPECT_NE(made.crls[1].Find("01001388"), nullptr);
  EXPECT_EQ(made.crls[1].Find("01001389"), nullptr);
}

}  // namespace
}  // namespace strongroom::crypto
