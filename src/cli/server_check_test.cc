#include "cli/server_check.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/cert_builder.h"
#include "crypto/oid.h"
#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

using strongroom::testing::Fails;

std::vector<Bytes> ChainOf(const std::vector<crypto::Extension>& extensions) {
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  EXPECT_OK(key);
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", "server"}};
  spec.not_after = UnixSeconds{3600};
  spec.extra_extensions = extensions;
  const auto certificate = crypto::SelfSign(spec, *key);
  EXPECT_OK(certificate);
  return {ToBytes(certificate->der())};
}

std::vector<Bytes> ChainOfMarble(std::string_view name) {
  return ChainOf({{std::string(crypto::oid::kMarbleType), false, ToBytes(name)}});
}

TEST(ExpectMarble, ComparesTheWholeName) {
  EXPECT_OK(ExpectMarble("models", ChainOfMarble("models")));
  for (const char* other : {"model", "models2", "MODELS", "models\n", ""}) {
    EXPECT_THAT(ExpectMarble("models", ChainOfMarble(other)),
                Fails(Code::kUntrusted, "wanted \"models\""))
        << other;
  }
  EXPECT_THAT(ExpectMarble("models", ChainOfMarble("a\x1b[2J")),
              Fails(Code::kUntrusted, "marble \"a?[2J\""))
      << "what a certificate says must not steer the terminal";
}

TEST(ExpectMarble, RefusesCertificatesThatNameNoMarble) {
  EXPECT_THAT(ExpectMarble("models", ChainOf({})), Fails(Code::kUntrusted, "is no marble's"));
  EXPECT_THAT(ExpectMarble("models", {}), Fails(Code::kUntrusted, "no certificate"));
  EXPECT_THAT(ExpectMarble("models", {ToBytes("x")}), Fails(Code::kMalformed, ""));
}

TEST(RemarkOnRoot, NamesTheRootOfALeafThatDoesNotRestOnIntels) {
  const auto chain_of = [](const Bytes& value) {
    return ChainOf({{std::string(crypto::oid::kTrustAnchor), false, value}});
  };
  EXPECT_EQ(RemarkOnRoot(ChainOfMarble("models")), "");
  EXPECT_EQ(RemarkOnRoot({}), "");
  Bytes octets = {0x04, 0x20};
  octets.insert(octets.end(), 32, 0xab);
  EXPECT_THAT(RemarkOnRoot(chain_of(octets)),
              ::testing::HasSubstr("rests on root " + HexEncode(Bytes(32, 0xab)) +
                                   ", not on Intel's root"));
  for (const Bytes& other : {Bytes{}, Bytes{0x04, 0x20, 1}, Bytes(33, 4), Bytes(35, 4)})
    EXPECT_THAT(RemarkOnRoot(chain_of(other)), ::testing::HasSubstr("a root that cannot be read"));
}

TEST(IsLoopbackName, KnowsTheNamesThatEveryMarbleHas) {
  for (const char* name :
       {"localhost", "LocalHost", "localhost.", "127.0.0.1", "127.1.2.3", "::1", "[::1]"})
    EXPECT_TRUE(IsLoopbackName(name)) << name;
  for (const char* name : {"", "models.example", "localhost.example", "127.example", "10.0.0.1",
                           "128.0.0.1", "1127.0.0.1"})
    EXPECT_FALSE(IsLoopbackName(name)) << name;
}

}  // namespace
}  // namespace strongroom::cli
