// What comes from strangers, before anybody looks at its meaning.

#include "coordinator/api/messages.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "coordinator/api/secrets_json.h"
#include "marblerun.pb.h"
#include "strongroom/v1/coordinator.pb.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::coordinator {
namespace {

using strongroom::testing::Fails;
using strongroom::testing::ForEachFlip;
using strongroom::testing::ForEachTruncation;

using Fields = std::vector<std::string>;

Result<Fields> AttestFields(ByteView bytes) {
  ASSIGN_OR_RETURN(const auto message, ParseMessage<v1::AttestRequest>(bytes));
  return Fields{message.nonce()};
}

Result<Fields> ActivateFields(ByteView bytes) {
  ASSIGN_OR_RETURN(const auto message, ParseMessage<v1::ActivateRequest>(bytes));
  return Fields{message.marble(), message.uuid(), message.csr(), message.nonce(),
                message.evidence()};
}

Result<Fields> MarbleRunFields(ByteView bytes) {
  ASSIGN_OR_RETURN(const auto message, ParseMessage<rpc::ActivationReq>(bytes));
  return Fields{message.quote(), message.csr(), message.marbletype(), message.uuid()};
}

// A request that says nothing gives no field; what else it carries is a newer version's.
Result<Fields> ChallengeFields(ByteView bytes) {
  RETURN_IF_ERROR(ParseMessage<v1::ChallengeRequest>(bytes));
  return Fields{};
}

struct Row {
  const char* name;
  Result<Fields> (*read)(ByteView);
  std::string good;
};

std::vector<Row> Rows() {
  v1::AttestRequest attest;
  attest.set_nonce(std::string(32, 'n'));
  v1::ActivateRequest activate;
  activate.set_marble("server");
  activate.set_uuid("00000000-0000-4000-8000-000000000001");
  activate.set_csr(std::string(200, 'c'));
  activate.set_nonce(std::string(32, 'n'));
  activate.set_evidence(std::string(600, 'q'));
  rpc::ActivationReq marblerun;
  marblerun.set_quote(std::string(600, 'q'));
  marblerun.set_csr(std::string(200, 'c'));
  marblerun.set_marbletype("server");
  marblerun.set_uuid("00000000-0000-4000-8000-000000000001");
  return {{"Attest", AttestFields, attest.SerializeAsString()},
          {"Challenge", ChallengeFields, attest.SerializeAsString()},
          {"Activate", ActivateFields, activate.SerializeAsString()},
          {"MarbleRun's Activate", MarbleRunFields, marblerun.SerializeAsString()}};
}

// Between two fields a message ends as well as anywhere: those behind the cut are then absent,
// which is refused by who needs them.
TEST(Messages, CutAreRefusedOrLackFields) {
  for (const Row& row : Rows()) {
    ASSERT_OK_AND_ASSIGN(const Fields whole, row.read(AsBytes(row.good)));
    ForEachTruncation(AsBytes(row.good), [&](ByteView cut, std::size_t size) {
      SCOPED_TRACE(::testing::Message() << row.name << " " << size);
      const auto fields = row.read(cut);
      if (!fields.has_value()) {
        EXPECT_THAT(fields, Fails(Code::kMalformed, "the message is no "));
        return;
      }
      for (std::size_t i = 0; i < whole.size(); ++i)
        EXPECT_TRUE((*fields)[i].empty() || (*fields)[i] == whole[i]) << i;
    });
  }
}

// Nothing in a message tells a flipped byte, and one of a length moves where the next field begins.
// Quote, nonce and CSR vouch for each other later; here nothing comes out that did not come in.
TEST(Messages, WithAFlippedByteAreRefusedOrHoldNoMoreThanCame) {
  for (const Row& row : Rows()) {
    ForEachFlip(AsBytes(row.good), [&](ByteView flipped, std::size_t offset) {
      SCOPED_TRACE(::testing::Message() << row.name << " " << offset);
      const auto fields = row.read(flipped);
      if (!fields.has_value()) {
        EXPECT_THAT(fields, Fails(Code::kMalformed, "the message is no "));
        return;
      }
      std::size_t bytes = 0;
      for (const std::string& field : *fields) {
        bytes += field.size();
        EXPECT_TRUE(field.empty() || AsText(flipped).contains(field));
      }
      EXPECT_LE(bytes, flipped.size());
    });
  }
}

std::string GoodUpload() {
  JsonWriter w;
  w.Object().Key("secrets").Object();
  w.Key("first").Object().Key("Key").String(Base64Encode(AsBytes("a secret"))).End();
  w.Key("other").Object().Key("Cert").String(Base64Encode(AsBytes("certificate")));
  w.Key("Private").String(Base64Encode(AsBytes("private"))).End().End();
  w.Key("manifestFingerprint").String(std::string(64, 'a')).End();
  return std::move(w).Finish();
}

bool Same(const SecretUpload& a, const SecretUpload& b) {
  return a.key == b.key && a.certificate == b.certificate && a.private_key == b.private_key;
}

TEST(SecretsUpload, CutAnywhereIsRefused) {
  const std::string good = GoodUpload();
  ASSERT_OK(ParseSecretsUpload(good));
  ForEachTruncation(AsBytes(good), [](ByteView cut, std::size_t size) {
    EXPECT_THAT(ParseSecretsUpload(AsText(cut)), Fails(Code::kMalformed, "")) << size;
  });
}

// A secret may come under another name or with another value, which nobody can tell; but one alone,
// and always for the manifest that was meant.
TEST(SecretsUpload, AFlippedByteIsRefusedOrChangesOneThing) {
  const std::string text = GoodUpload();
  ASSERT_OK_AND_ASSIGN(const SecretsUpload good, ParseSecretsUpload(text));
  ForEachFlip(AsBytes(text), [&](ByteView flipped, std::size_t offset) {
    const auto upload = ParseSecretsUpload(AsText(flipped));
    if (!upload.has_value()) {
      EXPECT_EQ(upload.error().code(), Code::kMalformed) << offset;
      return;
    }
    ASSERT_TRUE(upload->expected.has_value()) << offset;
    ASSERT_EQ(upload->secrets.size(), 2U) << offset;
    int other = upload->expected == good.expected ? 0 : 1;
    for (const auto& [name, value] : good.secrets) {
      const auto found = upload->secrets.find(name);
      other += found != upload->secrets.end() && Same(found->second, value) ? 0 : 1;
    }
    EXPECT_LE(other, 1) << offset;
  });
}

}  // namespace
}  // namespace strongroom::coordinator
