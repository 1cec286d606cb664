#include "crypto/x509.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include "base/encoding.h"
#include "base/files.h"
#include "crypto/der.h"
#include "crypto/oid.h"
#include "crypto/openssl_internal.h"
#include "crypto/test_pki.h"
#include "crypto/x509_parts.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"
#include "testing/testdata.h"

namespace strongroom::crypto {
namespace {

using testing::Fails;

CertificateSpec FullSpec() {
  CertificateSpec spec = CaSpec("Intel SGX PCK Platform CA");
  spec.subject = {{"CN", "Strongroom TEST root"},
                  {"O", "Ökologie, \"Labor\""},
                  {"L", "Bremen"},
                  {"ST", "HB"},
                  {"C", "DE"}};
  spec.dns_names = {"coordinator.example", "*.example"};
  spec.ip_addresses = {"127.0.0.1", "2001:db8::1"};
  spec.email_addresses = {"owner@example.org"};
  spec.uris = {"spiffe://example/marble"};
  spec.basic_constraints = BasicConstraints{.is_ca = true, .path_length = 3};
  spec.extended_key_usage = {std::string(oid::kServerAuth), std::string(oid::kClientAuth)};
  spec.crl_distribution_points = {"https://example.org/root.crl", "https://example.org/other.crl"};
  spec.extra_extensions = {{"1.2.840.113741.1.13.1", false, DerSequence({DerUnsigned(1)})}};
  spec.serial = {0x00, 0x8a, 0xbc};
  return spec;
}

TEST(Certificate, SaysWhatItsSpecSaid) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  ASSERT_OK_AND_ASSIGN(const Certificate certificate, SelfSign(FullSpec(), key));
  const CertificateFields& fields = certificate.fields();
  EXPECT_EQ(fields.version, 3);
  EXPECT_EQ(fields.subject.common_name, "Strongroom TEST root");
  EXPECT_EQ(fields.subject.rfc2253,
            "C=DE,ST=HB,L=Bremen,O=Ökologie\\, \\\"Labor\\\",CN=Strongroom TEST root");
  EXPECT_EQ(fields.issuer, fields.subject);
  EXPECT_EQ(fields.serial_hex, "8abc");
  EXPECT_EQ(fields.not_before, kStart);
  EXPECT_EQ(fields.not_after, kEnd);
  EXPECT_EQ(fields.dns_names, (std::vector<std::string>{"coordinator.example", "*.example"}));
  EXPECT_EQ(fields.ip_addresses, (std::vector<std::string>{"127.0.0.1", "2001:db8::1"}));
  EXPECT_TRUE(fields.is_ca());
  EXPECT_EQ(fields.basic_constraints->path_length, 3);
  EXPECT_EQ(fields.key_usage, kKeyCertSign | kCrlSign);
  EXPECT_EQ(fields.extended_key_usage,
            (std::vector<std::string>{"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"}));
  EXPECT_EQ(
      fields.crl_distribution_points,
      (std::vector<std::string>{"https://example.org/root.crl", "https://example.org/other.crl"}));
  EXPECT_EQ(fields.subject_key_id.size(), 20U);
  EXPECT_EQ(fields.authority_key_id, fields.subject_key_id);
  const Extension* extra = certificate.FindExtension(oid::kIntelSgx);
  ASSERT_NE(extra, nullptr);
  EXPECT_FALSE(extra->critical);
  EXPECT_EQ(HexEncode(extra->value), "3003020101");
  EXPECT_EQ(certificate.FindExtension("1.2.3"), nullptr);
  EXPECT_EQ(certificate.public_key().value(), key.public_key());
  EXPECT_EQ(certificate.Fingerprint(), Sha256(certificate.der()));
  EXPECT_OK(certificate.VerifySignature(key.public_key()));
}

// Every byte that OpenSSL reads from it is what we meant.
TEST(Certificate, OpenSslReadsItTheSameWay) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP384).value();
  ASSERT_OK_AND_ASSIGN(const Certificate certificate, SelfSign(FullSpec(), key));
  X509* native = Native(certificate);
  ASSERT_NE(native, nullptr);
  EXPECT_EQ(X509_verify(native, Native(key)), 1);
  EXPECT_EQ(X509_check_host(native, "coordinator.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(native, "other.org", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(native, "2001:db8::1", 0), 1);
  EXPECT_EQ(X509_check_email(native, "owner@example.org", 0, 0), 1);
  EXPECT_EQ(X509_check_ca(native), 1);
  EXPECT_EQ(X509_get_pathlen(native), 3);
  EXPECT_EQ(X509_get_key_usage(native), static_cast<std::uint32_t>(KU_KEY_CERT_SIGN | KU_CRL_SIGN));
  EXPECT_EQ(X509_get_extended_key_usage(native),
            static_cast<std::uint32_t>(XKU_SSL_SERVER | XKU_SSL_CLIENT));
  EXPECT_EQ(X509_cmp_current_time(X509_get0_notBefore(native)), -1);
  EXPECT_EQ(Native(certificate), native) << "made once";
  ASSERT_OK_AND_ASSIGN(const Certificate copied, CertificateFromNative(native));
  EXPECT_EQ(copied, certificate);
}

TEST(Certificate, EveryKeyUsageBitIsWrittenAndReadAlike) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  for (unsigned usage = 1; usage < 0x200; ++usage) {
    CertificateSpec spec = LeafSpec("x");
    spec.key_usage = static_cast<std::uint16_t>(usage);
    ASSERT_OK_AND_ASSIGN(const Certificate certificate, SelfSign(spec, key));
    EXPECT_EQ(certificate.fields().key_usage, usage);
    const ByteView value = certificate.FindExtension(oid::kKeyUsage)->value;
    const std::uint8_t* at = value.data();
    const OpenSslPtr<ASN1_BIT_STRING, ASN1_BIT_STRING_free> bits(
        d2i_ASN1_BIT_STRING(nullptr, &at, static_cast<long>(value.size())));
    ASSERT_NE(bits, nullptr);
    std::uint8_t* again = nullptr;  // OpenSSL writes named bit lists minimally, as DER demands
    const int size = i2d_ASN1_BIT_STRING(bits.get(), &again);
    EXPECT_EQ(HexEncode(ByteView(again, static_cast<std::size_t>(size))), HexEncode(value));
    OPENSSL_free(again);
  }
}

TEST(Certificate, ByKeysOfEveryTypeVerifies) {
  for (const KeyType type :
       {KeyType::kP224, KeyType::kP256, KeyType::kP384, KeyType::kP521, KeyType::kEd25519}) {
    const PrivateKey key = PrivateKey::Generate(type).value();
    ASSERT_OK_AND_ASSIGN(const Certificate certificate, SelfSign(CaSpec("x"), key));
    EXPECT_OK(certificate.VerifySignature(key.public_key()));
    EXPECT_EQ(X509_verify(Native(certificate), Native(key)), 1);
    EXPECT_THAT(certificate.VerifySignature(PrivateKey::Generate(type)->public_key()),
                Fails(Code::kUntrusted, "does not fit"));
  }
  const PrivateKey rsa = PrivateKey::GenerateRsa(2048).value();
  ASSERT_OK_AND_ASSIGN(const Certificate certificate, SelfSign(CaSpec("x"), rsa));
  EXPECT_EQ(X509_verify(Native(certificate), Native(rsa)), 1);
}

TEST(Certificate, TimesOverTheWholeRangeComeBack) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  const std::int64_t times[] = {
      -631152000 /* 1950 */, -1,          0, 2524607999 /* last of UTCTime */,
      2524608000 /* 2050 */, 253402300799 /* end of 9999 */};
  for (const std::int64_t from : times) {
    for (const std::int64_t to : times) {
      CertificateSpec spec = LeafSpec("x");
      spec.not_before = UnixSeconds{from};
      spec.not_after = UnixSeconds{to};
      const auto certificate = SelfSign(spec, key);
      if (to < from) {
        EXPECT_THAT(certificate, Fails(Code::kMalformed, "ends before it begins"));
        continue;
      }
      ASSERT_OK(certificate);
      EXPECT_EQ(ToInt(certificate->fields().not_before), from);
      EXPECT_EQ(ToInt(certificate->fields().not_after), to);
      EXPECT_NE(Native(*certificate), nullptr);
    }
  }
}

struct BadSpec {
  const char* name;
  std::function<void(CertificateSpec&)> change;
  const char* message;
};

TEST(CertificateSpec, ThatCannotBeIsRefused) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  const BadSpec rows[] = {
      {"before 1950", [](CertificateSpec& s) { s.not_before = UnixSeconds{-631152001}; }, "years"},
      {"after 9999", [](CertificateSpec& s) { s.not_after = UnixSeconds{253402300800}; }, "years"},
      {"serial of 21 bytes", [](CertificateSpec& s) { s.serial = Bytes(21, 1); }, "at most 20"},
      {"serial zero", [](CertificateSpec& s) { s.serial = Bytes(4); }, "positive"},
      {"unknown key usage bits", [](CertificateSpec& s) { s.key_usage = 0x200; }, "key usage"},
      {"negative path length",
       [](CertificateSpec& s) { s.basic_constraints = BasicConstraints{true, -1}; }, "path length"},
      {"no IP address", [](CertificateSpec& s) { s.ip_addresses = {"localhost"}; }, "IP address"},
      {"an IP network", [](CertificateSpec& s) { s.ip_addresses = {"10.0.0.0/8"}; }, "IP address"},
      {"a DNS name with a NUL", [](CertificateSpec& s) { s.dns_names = {std::string("a\0b", 3)}; },
       "ASCII"},
      {"an empty DNS name", [](CertificateSpec& s) { s.dns_names = {""}; }, "ASCII"},
      {"a DNS name in UTF-8", [](CertificateSpec& s) { s.dns_names = {"bücher.example"}; },
       "ASCII"},
      {"a purpose that is no OID",
       [](CertificateSpec& s) { s.extended_key_usage = {"serverAuth"}; }, "wanted an OID"},
      {"an extension that is no OID",
       [](CertificateSpec& s) { s.extra_extensions = {{"x", false, {}}}; }, "wanted an OID"},
      {"an extension twice",
       [](CertificateSpec& s) { s.extra_extensions = {{"1.2.3", false, {}}, {"1.2.3", true, {}}}; },
       "twice"},
      {"an extension that is made already",
       [](CertificateSpec& s) { s.extra_extensions = {{"2.5.29.15", false, {3, 2, 7, 0x80}}}; },
       "twice"},
      {"alternative names that are none",
       [](CertificateSpec& s) {
         s.dns_names.clear();
         s.extra_extensions = {{"2.5.29.17", false, {1, 2, 3}}};
       },
       ""},
      {"an unknown name attribute", [](CertificateSpec& s) { s.subject = {{"NOPE", "x"}}; },
       "NOPE"},
      {"a country of three letters", [](CertificateSpec& s) { s.subject = {{"C", "DEU"}}; }, "C"},
      {"a name of a kilobyte",
       [](CertificateSpec& s) { s.subject = {{"CN", std::string(1024, 'x')}}; }, "CN"},
      {"a name that is no UTF-8", [](CertificateSpec& s) { s.subject = {{"CN", "\xff\xfe"}}; },
       "CN"},
  };
  for (const BadSpec& row : rows) {
    SCOPED_TRACE(row.name);
    CertificateSpec spec = LeafSpec("x");
    row.change(spec);
    EXPECT_THAT(SelfSign(spec, key), Fails(Code::kMalformed, row.message));
  }
}

TEST(SignCertificate, WantsTheKeyOfTheIssuer) {
  const TestPki pki;
  const SignedPki made(pki);
  EXPECT_THAT(SignCertificate(LeafSpec("x"), pki.leaf_key.public_key(), {made.ca, pki.root_key}),
              Fails(Code::kPrecondition, "not the key"));
  EXPECT_THAT(SignCrl(pki.ca_crl_spec, {made.ca, pki.root_key}),
              Fails(Code::kPrecondition, "not the key"));
}

TEST(SignCertificate, DrawsA128BitSerialEachTime) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  std::set<std::string> serials;
  for (int i = 0; i < 20; ++i) {
    const Certificate certificate = SelfSign(LeafSpec("x"), key).value();
    EXPECT_EQ(certificate.fields().serial_hex.size(), 32U);
    serials.insert(certificate.fields().serial_hex);
  }
  EXPECT_EQ(serials.size(), 20U);
}

// --- parsing hostile bytes ---

// A certificate whose signed body is changed; nothing checks the signature when parsing.
class ParseCertificateBody : public ::testing::Test {
 protected:
  // The elements of the body of a good certificate: version, serial, algorithm, issuer, validity,
  // subject, key, extensions.
  std::vector<Bytes> elements_ = [] {
    const SignedPki made{TestPki{}};
    DerReader outer(made.leaf.der());
    DerReader parts = outer.Sequence().value();
    DerReader body = parts.Sequence().value();
    std::vector<Bytes> out;
    while (!body.empty()) out.push_back(ToBytes(body.Next().value().whole));
    return out;
  }();

  Bytes Wrap(const std::vector<Bytes>& elements) const {
    return DerSequence({DerSequence(elements), elements_[2], DerBitString(Bytes(70, 1))});
  }
  Result<Certificate> With(std::size_t index, Bytes element) const {
    std::vector<Bytes> elements = elements_;
    elements[index] = std::move(element);
    return Certificate::FromDer(Wrap(elements));
  }
  Result<Certificate> WithExtensions(const std::vector<Bytes>& extensions) const {
    return With(7, DerElementOf(der::ContextConstructed(3), {DerSequence(extensions)}));
  }
  static Bytes ExtensionOf(std::string_view oid, ByteView value) {
    return DerSequence({DerOid(oid), DerOctetString(value)});
  }
  static Bytes Validity(std::uint8_t tag, std::string_view from, std::string_view to) {
    return DerSequence({DerElementOf(tag, {AsBytes(from)}), DerElementOf(tag, {AsBytes(to)})});
  }
};

TEST_F(ParseCertificateBody, UnchangedIsRead) { EXPECT_OK(Certificate::FromDer(Wrap(elements_))); }

TEST_F(ParseCertificateBody, DuplicateExtensionsAreRefused) {
  const Bytes sgx = ExtensionOf(oid::kIntelSgx, DerSequence(std::vector<Bytes>{}));
  EXPECT_OK(WithExtensions({sgx}));
  EXPECT_THAT(WithExtensions({sgx, sgx}),
              Fails(Code::kMalformed, "extension 1.2.840.113741.1.13.1 twice"));
}

TEST_F(ParseCertificateBody, ExtensionsThatCannotBeReadAreRefused) {
  const Bytes hex_300101 = HexDecode("3003010101").value();  // a BOOLEAN that is neither 00 nor ff
  const struct {
    const char* name;
    std::string_view oid;
    Bytes value;
  } rows[] = {
      {"key usage as an OCTET STRING", oid::kKeyUsage, DerOctetString(Bytes{0x80})},
      {"key usage with 9 unused bits", oid::kKeyUsage, {3, 2, 9, 0x80}},
      {"key usage without bits", oid::kKeyUsage, {3, 0}},
      {"key usage of 4 bytes", oid::kKeyUsage, {3, 5, 0, 1, 1, 1, 1}},
      {"basic constraints with an odd BOOLEAN", oid::kBasicConstraints, hex_300101},
      {"basic constraints with trailing bytes", oid::kBasicConstraints, {0x30, 0, 0}},
      {"path length above 32767", oid::kBasicConstraints,
       DerSequence({DerBoolean(true), DerUnsigned(32768)})},
      {"negative path length", oid::kBasicConstraints,
       DerSequence({DerBoolean(true), Bytes{2, 1, 0xff}})},
      {"IP address of 5 bytes", oid::kSubjectAltName,
       DerSequence({DerElementOf(der::Context(7), {Bytes(5)})})},
      {"DNS name with a NUL", oid::kSubjectAltName,
       DerSequence({DerElementOf(der::Context(2), {AsBytes(std::string_view("a\0b", 3))})})},
      {"empty DNS name", oid::kSubjectAltName, DerSequence({DerElementOf(der::Context(2), {})})},
      {"alternative names that are a SET", oid::kSubjectAltName, DerElementOf(der::kSet, {})},
      {"purposes that are no OIDs", oid::kExtendedKeyUsage, DerSequence({DerUnsigned(1)})},
      {"subject key id that is bare", oid::kSubjectKeyId, Bytes(20, 1)},
      {"authority key id that is bare", oid::kAuthorityKeyId, Bytes(20, 1)},
      {"distribution points of nonsense", oid::kCrlDistributionPoints,
       DerSequence({DerUnsigned(1)})},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(WithExtensions({ExtensionOf(row.oid, row.value)}), Fails(Code::kMalformed, ""));
  }
}

TEST_F(ParseCertificateBody, TooManyExtensionsAreRefused) {
  std::vector<Bytes> extensions;
  for (int i = 0; i < 65; ++i) extensions.push_back(ExtensionOf("1.2." + std::to_string(i), {}));
  EXPECT_THAT(WithExtensions(extensions), Fails(Code::kMalformed, "more than 64"));
  extensions.pop_back();
  EXPECT_OK(WithExtensions(extensions));
}

TEST_F(ParseCertificateBody, AbsurdTimesAreRefused) {
  constexpr std::uint8_t kUtc = 0x17, kGeneralized = 0x18;
  const struct {
    const char* name;
    std::uint8_t tag;
    const char* time;
  } rows[] = {
      {"month 13", kUtc, "231301000000Z"},
      {"31 February", kUtc, "230231000000Z"},
      {"29 February of no leap year", kUtc, "230229000000Z"},
      {"hour 24", kUtc, "230101240000Z"},
      {"leap second", kUtc, "230101235960Z"},
      {"no seconds", kUtc, "2301010000Z"},
      {"offset", kUtc, "230101000000+0100"},
      {"no Z", kUtc, "2301010000000"},
      {"fraction", kGeneralized, "20230101000000.5Z"},
      {"letters", kGeneralized, "2023XX01000000Z"},
      {"empty", kUtc, ""},
      {"sign", kGeneralized, "-0230101000000Z"},
      {"four digits in UTCTime", kUtc, "20230101000000Z"},
      {"two digits in GeneralizedTime", kGeneralized, "230101000000Z"},
      {"an OCTET STRING", der::kOctetString, "230101000000Z"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(With(4, Validity(row.tag, row.time, row.time)), Fails(Code::kMalformed, ""));
  }
  ASSERT_OK_AND_ASSIGN(const Certificate old,
                       With(4, Validity(kUtc, "500101000000Z", "491231235959Z")));
  EXPECT_EQ(FormatRfc3339(old.fields().not_before), "1950-01-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(old.fields().not_after), "2049-12-31T23:59:59Z");
}

TEST_F(ParseCertificateBody, SerialsOfEverySignAreReadAsTheyAre) {
  const struct {
    Bytes der;
    const char* hex;
  } rows[] = {
      {{2, 1, 0}, "00"},
      {{2, 1, 0x7f}, "7f"},
      {{2, 2, 0, 0x80}, "80"},
      {{2, 1, 0xff}, "-01"},
      {{2, 1, 0x80}, "-80"},
      {{2, 2, 0xff, 0x7f}, "-0081"},
      {{2, 2, 0x80, 0}, "-8000"},
      {DerUnsignedBig(Bytes(20, 0xaa)), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
  };
  for (const auto& row : rows) {
    ASSERT_OK_AND_ASSIGN(const Certificate certificate, With(1, row.der));
    EXPECT_EQ(certificate.fields().serial_hex, row.hex);
  }
  EXPECT_THAT(With(1, DerUnsignedBig(Bytes(65, 1))), Fails(Code::kMalformed, "serial"));
  EXPECT_THAT(With(1, {2, 2, 0, 1}), Fails(Code::kMalformed, "minimal"));
}

TEST_F(ParseCertificateBody, VersionsThatDoNotExistAreRefused) {
  const auto version = [](std::uint64_t n) {
    return DerElementOf(der::ContextConstructed(0), {DerUnsigned(n)});
  };
  EXPECT_THAT(With(0, version(3)), Fails(Code::kMalformed, "version"));
  EXPECT_THAT(With(0, version(1)), Fails(Code::kMalformed, "extensions in version 2"));
  std::vector<Bytes> first_version(elements_.begin() + 1, elements_.end() - 1);
  ASSERT_OK_AND_ASSIGN(const Certificate certificate, Certificate::FromDer(Wrap(first_version)));
  EXPECT_EQ(certificate.fields().version, 1);
}

TEST_F(ParseCertificateBody, AlgorithmsInsideAndOutsideMustBeTheSame) {
  EXPECT_THAT(With(2, DerSequence({DerOid("1.2.840.10045.4.3.3")})),
              Fails(Code::kMalformed, "differ"));
}

TEST_F(ParseCertificateBody, AnUnknownKeyOnlyMattersToWhoAsksForIt) {
  ASSERT_OK_AND_ASSIGN(
      const Certificate certificate,
      With(6, DerSequence({DerSequence({DerOid("1.3.101.110")}), DerBitString(Bytes(32, 1))})));
  EXPECT_THAT(certificate.public_key(), Fails(Code::kUnsupported, "1.3.101.110"));
}

TEST_F(ParseCertificateBody, MissingOrExtraElementsAreRefused) {
  for (std::size_t i = 1; i < 7; ++i) {
    std::vector<Bytes> elements = elements_;
    elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(Certificate::FromDer(Wrap(elements)).has_value()) << i;
  }
  std::vector<Bytes> more = elements_;
  more.push_back(DerUnsigned(1));
  EXPECT_THAT(Certificate::FromDer(Wrap(more)), Fails(Code::kMalformed, "left over"));
}

TEST(Certificate, TruncationsAndTrailingBytesAreRefused) {
  const SignedPki made{TestPki{}};
  testing::ForEachTruncation(made.leaf.der(), [](ByteView cut, std::size_t) {
    EXPECT_THAT(Certificate::FromDer(cut), Fails(Code::kMalformed, ""));
  });
  constexpr std::uint8_t kOneMore[] = {0};
  EXPECT_THAT(Certificate::FromDer(Concat({made.leaf.der(), kOneMore})),
              Fails(Code::kMalformed, "left over"));
  EXPECT_THAT(Certificate::FromDer(Bytes(kMaxCertificateBytes + 1)),
              Fails(Code::kMalformed, "at most"));
}

TEST(PeekExtensions, GivesThoseOfTheCertificateOrRefuses) {
  const SignedPki made{TestPki{}};
  ASSERT_OK_AND_ASSIGN(const auto peeked, PeekExtensions(made.leaf.der()));
  EXPECT_EQ(peeked, made.leaf.fields().extensions);
  testing::ForEachTruncation(made.leaf.der(), [](ByteView cut, std::size_t) {
    EXPECT_THAT(PeekExtensions(cut), Fails(Code::kMalformed, ""));
  });
  testing::ForEachFlippedByte(made.leaf.der(), [](ByteView mutated, std::size_t at) {
    const auto whole = Certificate::FromDer(mutated);
    if (!whole) return;  // it may be read all the same: what it passes over is not judged
    const auto again = PeekExtensions(mutated);
    EXPECT_TRUE(again && *again == whole->fields().extensions) << at;
  });
  EXPECT_THAT(PeekExtensions(Bytes(kMaxCertificateBytes + 1)), Fails(Code::kMalformed, "at most"));
}

TEST(Certificate, FlippedBytesAreRefusedOrNoLongerSigned) {
  const TestPki pki;
  const SignedPki made(pki);
  testing::ForEachFlippedByte(made.leaf.der(), [&](ByteView mutated, std::size_t at) {
    const auto read = Certificate::FromDer(mutated);
    if (read) {
      EXPECT_FALSE(read->VerifySignature(pki.ca_key.public_key()).has_value()) << at;
    }
  });
}

TEST(Certificate, PemChainsAreReadInOrderAndBounded) {
  const SignedPki made{TestPki{}};
  const std::string text = ChainToPem({made.leaf, made.ca, made.root});
  ASSERT_OK_AND_ASSIGN(const auto chain, Certificate::ChainFromPem(text + '\0', 3));
  ASSERT_EQ(chain.size(), 3U);
  EXPECT_EQ(chain[0], made.leaf);
  EXPECT_EQ(chain[2], made.root);
  EXPECT_THAT(Certificate::ChainFromPem(text, 2), Fails(Code::kExhausted, "more than 2"));
  EXPECT_THAT(Certificate::FromPem(text), Fails(Code::kExhausted, "more than 1"));
  EXPECT_THAT(Certificate::ChainFromPem(made.crls[0].Pem(), 2),
              Fails(Code::kMalformed, "wanted CERTIFICATE"));
}

// --- real files ---

TEST(RealFiles, EveryCertificateAndListIsReadWithItsKey) {
  if (testing::SkippedWithoutTestdata("real certificates and lists")) return;
  int certificates = 0, lists = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(*testing::SharedTestdata() / "evidence")) {
    const auto& path = entry.path();
    if (path.extension() != ".pem" && path.extension() != ".der") continue;
    SCOPED_TRACE(path.string());
    ASSERT_OK_AND_ASSIGN(const Bytes bytes, ReadFile(path, 1 << 20));
    if (path.filename().string().contains("crl.der")) {
      ASSERT_OK_AND_ASSIGN(const Crl crl, Crl::FromAny(bytes));
      EXPECT_EQ(crl.fields().crl_number_hex, "01");
      EXPECT_FALSE(crl.fields().authority_key_id.empty());
      ++lists;
      continue;
    }
    auto chain = Certificate::ChainFromPem(AsText(bytes), 8);
    if (path.extension() == ".der") chain = std::vector{Certificate::FromDer(bytes).value()};
    ASSERT_OK(chain);
    for (const Certificate& certificate : *chain) {
      EXPECT_OK(certificate.public_key());
      EXPECT_NE(Native(certificate), nullptr);
      ASSERT_OK_AND_ASSIGN(const Name subject, ReadAnyName(certificate.fields().subject.der));
      EXPECT_EQ(certificate.fields().subject.rfc2253, subject.rfc2253);
      ++certificates;
    }
  }
  EXPECT_EQ(lists, 42);
  EXPECT_GT(certificates, 100);
}

}  // namespace
}  // namespace strongroom::crypto
