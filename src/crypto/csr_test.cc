#include "crypto/csr.h"

#include "crypto/der.h"
#include "crypto/openssl_internal.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::crypto {
namespace {

using testing::Fails;

TEST(CertificateRequest, SaysWhatItsSpecSaid) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  const RequestSpec spec{.subject = {{"CN", "server"}},
                         .dns_names = {"localhost", "a.example"},
                         .ip_addresses = {"::1"},
                         .extra_extensions = {{"1.2.3.4", false, {5, 0}}}};
  ASSERT_OK_AND_ASSIGN(const CertificateRequest made, CertificateRequest::Make(spec, key));
  ASSERT_OK_AND_ASSIGN(const CertificateRequest read, CertificateRequest::FromPem(made.Pem()));
  EXPECT_EQ(read.subject().rfc2253, "CN=server");
  EXPECT_EQ(read.dns_names(), spec.dns_names);
  EXPECT_EQ(read.ip_addresses(), spec.ip_addresses);
  EXPECT_EQ(read.public_key(), key.public_key());
  ASSERT_NE(read.FindExtension("1.2.3.4"), nullptr);
  EXPECT_EQ(read.der(), made.der());
  const std::uint8_t* at = made.der().data();
  const OpenSslPtr<X509_REQ, X509_REQ_free> native(
      d2i_X509_REQ(nullptr, &at, static_cast<long>(made.der().size())));
  ASSERT_NE(native, nullptr);
  EXPECT_EQ(X509_REQ_verify(native.get(), Native(key)), 1);
}

TEST(CertificateRequest, WithoutAnyWishIsOneToo) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kEd25519).value();
  ASSERT_OK_AND_ASSIGN(
      const CertificateRequest made,
      CertificateRequest::Make(
          {.subject = {}, .dns_names = {}, .ip_addresses = {}, .extra_extensions = {}}, key));
  EXPECT_EQ(made.subject().rfc2253, "");
  EXPECT_TRUE(made.dns_names().empty());
}

TEST(CertificateRequest, CutContinuedOrChangedIsRefused) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  const Bytes der = CertificateRequest::Make({.subject = {{"CN", "x"}},
                                              .dns_names = {"localhost"},
                                              .ip_addresses = {},
                                              .extra_extensions = {}},
                                             key)
                        ->der();
  testing::ForEachTruncation(der, [](ByteView cut, std::size_t) {
    EXPECT_THAT(CertificateRequest::FromDer(cut), Fails(Code::kMalformed, ""));
  });
  testing::ForEachFlippedByte(der, [](ByteView mutated, std::size_t at) {
    EXPECT_FALSE(CertificateRequest::FromDer(mutated).has_value()) << at;
  });
  constexpr std::uint8_t kOneMore[] = {0};
  EXPECT_THAT(CertificateRequest::FromDer(Concat({der, kOneMore})),
              Fails(Code::kMalformed, "left over"));
}

TEST(CertificateRequest, ForTheKeyOfAnotherIsUntrusted) {
  const PrivateKey mine = PrivateKey::Generate(KeyType::kP256).value();
  const PrivateKey other = PrivateKey::Generate(KeyType::kP256).value();
  const Bytes body =
      DerSequence({DerUnsigned(0), DerSequence(std::vector<Bytes>{}), other.public_key().SpkiDer(),
                   DerElementOf(der::ContextConstructed(0), {})});
  const Bytes signature = mine.Sign(SignatureScheme::kEcdsaSha256, body).value();
  const Bytes request =
      DerSequence({body, DerSequence({DerOid("1.2.840.10045.4.3.2")}), DerBitString(signature)});
  EXPECT_THAT(CertificateRequest::FromDer(request), Fails(Code::kUntrusted, "does not fit"));
}

}  // namespace
}  // namespace strongroom::crypto
