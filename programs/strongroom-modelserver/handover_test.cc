#include "handover.h"

#include <strongroom/v1/handover.pb.h>

#include <algorithm>

#include <gtest/gtest.h>

#include "crypto/pem.h"
#include "crypto/test_pki.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::modelserver {
namespace {

using strongroom::testing::Fails;

struct Made {
  crypto::TestPki pki;
  crypto::SignedPki certificates{pki};
};

const Made& TestMade() {
  static const Made made;
  return made;
}

void Add(v1::Handover& message, const std::string& name, char fill) {
  v1::Model& model = *message.add_models();
  model.set_name(name);
  model.set_key(std::string(16, fill));
  model.set_embedded_prefix("prefix of " + name);
  (*model.mutable_files())["1/model.bin"] = std::string(32, fill);
  if (fill == '\x11') model.add_client_certificates(ToText(TestMade().certificates.ca.der()));
}

v1::Handover Whole() {
  const auto& [pki, made] = TestMade();
  v1::Handover message;
  message.set_certificate_chain_pem(crypto::EncodePem(crypto::kCertificateLabel, made.leaf.der()));
  message.set_private_key_pkcs8(ToText(pki.leaf_key.Pkcs8Der().Reveal()));
  message.set_marble_root_pem("marble root");
  message.set_root_certificate_pem("root");
  Add(message, "digits", '\x11');
  Add(message, "words", '\x22');
  message.set_marble("server");
  message.set_uuid("uuid");
  return message;
}

Result<Handover> Parse(const v1::Handover& message) {
  return ParseHandover(AsBytes(message.SerializeAsString()));
}

// Whether `handover` says of a model just what `good` does.
bool SaysTheSame(const Handover& handover, const Handover& good, const std::string& name) {
  const auto model = handover.models.find(name);
  const auto wanted = good.models.find(name);
  if (model == handover.models.end() || wanted == good.models.end()) return false;
  return model->second.key.bytes() == wanted->second.key.bytes() &&
         model->second.embedded_prefix == wanted->second.embedded_prefix &&
         model->second.files == wanted->second.files &&
         std::ranges::equal(handover.clients.at(name), good.clients.at(name), {},
                            &serving::Client::certificate, &serving::Client::certificate);
}

std::ptrdiff_t CountOther(const Handover& handover, const Handover& good) {
  return std::ranges::count_if(handover.models, [&](const auto& model) {
    return !SaysTheSame(handover, good, model.first);
  });
}

TEST(ParseHandover, ReadsCredentialsModelsAndClients) {
  ASSERT_OK_AND_ASSIGN(const Handover handover, Parse(Whole()));
  ASSERT_EQ(handover.models.size(), 2U);
  EXPECT_EQ(handover.models.at("digits").key.bytes(), SecretBytes(Bytes(16, 0x11)));
  EXPECT_EQ(handover.models.at("words").embedded_prefix, "prefix of words");
  EXPECT_EQ(handover.models.at("words").files.at("1/model.bin"), Bytes(32, 0x22));
  ASSERT_EQ(handover.clients.at("digits").size(), 1U);
  EXPECT_TRUE(
      Equal(handover.clients.at("digits")[0].certificate, TestMade().certificates.ca.der()));
  EXPECT_EQ(handover.clients.at("digits")[0].not_after, crypto::kEnd);
}

TEST(ParseHandover, RefusesWhatServingCannotUse) {
  const struct {
    const char* name;
    void (*change)(v1::Handover&);
    Code code;
    const char* message;
  } rows[] = {
      {"no chain", [](v1::Handover& m) { m.clear_certificate_chain_pem(); }, Code::kMalformed,
       "no PEM block"},
      {"something else in the chain",
       [](v1::Handover& m) { m.set_certificate_chain_pem(crypto::EncodePem("X509 CRL", {})); },
       Code::kMalformed, "something else"},
      {"no key", [](v1::Handover& m) { m.clear_private_key_pkcs8(); }, Code::kMalformed,
       "private key"},
      {"another's key",
       [](v1::Handover& m) {
         const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
         m.set_private_key_pkcs8(ToText(key.Pkcs8Der().Reveal()));
       },
       Code::kUntrusted, "not the one of the leaf"},
      {"no model", [](v1::Handover& m) { m.clear_models(); }, Code::kMalformed, "names no model"},
      {"a nameless model", [](v1::Handover& m) { m.mutable_models(0)->clear_name(); },
       Code::kMalformed, "without a name"},
      {"one model twice", [](v1::Handover& m) { m.mutable_models(0)->set_name("words"); },
       Code::kMalformed, "model words twice"},
      {"a short key", [](v1::Handover& m) { m.mutable_models(1)->set_key("short"); },
       Code::kMalformed, "key of model words"},
      {"a client without a certificate",
       [](v1::Handover& m) { m.mutable_models(1)->add_client_certificates("name"); },
       Code::kMalformed, "client of model words"},
  };
  for (const auto& row : rows) {
    v1::Handover message = Whole();
    row.change(message);
    EXPECT_THAT(Parse(message), Fails(row.code, row.message)) << row.name;
  }
}

TEST(ParseHandover, CutAnywhereIsRefusedOrGivesNothingElse) {
  ASSERT_OK_AND_ASSIGN(const Handover good, Parse(Whole()));
  const std::string whole = Whole().SerializeAsString();
  strongroom::testing::ForEachTruncation(AsBytes(whole), [&](ByteView cut, std::size_t size) {
    const auto handover = ParseHandover(cut);
    if (!handover.has_value()) {
      EXPECT_EQ(handover.error().code(), Code::kMalformed) << size;
      return;
    }
    EXPECT_EQ(handover->credentials.leaf(), good.credentials.leaf()) << size;
    EXPECT_EQ(CountOther(*handover, good), 0) << size;
  });
}

// Nothing in the message could tell a flipped bit of a model's key; the model's files do. Reading
// certificate and key takes most of the time: their bytes are flipped in one way alone.
TEST(ParseHandover, AFlippedByteIsRefusedOrChangesOneThingAlone) {
  ASSERT_OK_AND_ASSIGN(const Handover good, Parse(Whole()));
  const std::string whole = Whole().SerializeAsString();
  const std::size_t models = whole.find("digits");
  for (const std::uint8_t mask : {std::uint8_t{0x01}, std::uint8_t{0x08}}) {
    strongroom::testing::ForEachFlippedByte(
        AsBytes(whole),
        [&](ByteView flipped, std::size_t offset) {
          if (offset < models && mask != 0x01) return;
          const auto handover = ParseHandover(flipped);
          if (!handover.has_value()) {
            EXPECT_FALSE(handover.error().message().empty());
            return;
          }
          const std::ptrdiff_t other = CountOther(*handover, good);
          EXPECT_LE(other, 1) << offset;
          if (other == 1) {
            EXPECT_EQ(handover->credentials.leaf(), good.credentials.leaf());
          }
        },
        mask);
  }
}

}  // namespace
}  // namespace strongroom::modelserver
