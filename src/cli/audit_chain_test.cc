#include "cli/audit_chain.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/reader.h"
#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

using strongroom::testing::Fails;

std::string Entry(std::uint64_t sequence, std::string_view event, const std::string& before) {
  const crypto::Sha256Digest digest =
      before.empty() ? crypto::Sha256Digest() : crypto::Sha256(AsBytes(before));
  return fmt::format(R"({{"seq":{},"time":"2026-11-21T13:38:55Z","event":"{}","previous":"{}"}})",
                     sequence, event, HexEncode(digest.view()));
}

class AuditChainTest : public ::testing::Test {
 protected:
  AuditChain::Head SignedHead(std::uint64_t sequence, const std::string& last) const {
    AuditChain::Head head{
        .sequence = sequence, .digest = crypto::Sha256(AsBytes(last)), .signature = {}};
    Writer message;
    message.Put("strongroom audit head v1").U64Le(sequence).Put(head.digest.view());
    head.signature = key_.Sign(crypto::SignatureScheme::kEcdsaSha256, message.bytes()).value();
    return head;
  }

  const crypto::PrivateKey key_ = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  const crypto::PublicKey& root_ = key_.public_key();
  const std::string first_ = Entry(1, "manifest-set", "");
  const std::string second_ = Entry(2, "activated", first_);
  AuditChain chain_;
};

TEST_F(AuditChainTest, HoldsFromTheFirstEntryToTheSignedHead) {
  ASSERT_OK(chain_.Add(first_));
  ASSERT_OK(chain_.Add(second_));
  EXPECT_EQ(chain_.length(), 2U);
  EXPECT_OK(chain_.ExpectHead(SignedHead(2, second_), root_));
}

TEST_F(AuditChainTest, RefusesAnEntryLeftOut) {
  EXPECT_THAT(chain_.Add(second_), Fails(Code::kUntrusted, "entry 2 follows entry 0"));
}

TEST_F(AuditChainTest, RefusesAnEntryThatWasChanged) {
  ASSERT_OK(chain_.Add(Entry(1, "secret-set", "")));
  EXPECT_THAT(chain_.Add(second_), Fails(Code::kUntrusted, "entry 2 follows on one with SHA-256"));
}

TEST_F(AuditChainTest, RefusesAnEndThatIsNotTheHead) {
  ASSERT_OK(chain_.Add(first_));
  EXPECT_THAT(chain_.ExpectHead(SignedHead(2, second_), root_),
              Fails(Code::kUntrusted, "names entry 2"));
  EXPECT_THAT(chain_.ExpectHead(SignedHead(1, second_), root_),
              Fails(Code::kUntrusted, "ends with entry 1"));
}

TEST_F(AuditChainTest, RefusesAHeadThatTheRootDidNotSign) {
  ASSERT_OK(chain_.Add(first_));
  AuditChain::Head head = SignedHead(1, first_);
  head.signature.back() ^= 1;
  EXPECT_FALSE(chain_.ExpectHead(head, root_).has_value());
  const crypto::PrivateKey stranger = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  EXPECT_FALSE(chain_.ExpectHead(SignedHead(1, first_), stranger.public_key()).has_value());
}

TEST_F(AuditChainTest, RefusesWhatIsNoEntryOrHead) {
  for (const auto* text : {"", "[]", "{}", R"({"seq":1})", R"({"seq":-1,"previous":""})"})
    EXPECT_FALSE(chain_.Add(text).has_value()) << text;
  for (const auto* text : {"{}", R"({"seq":1,"sha256":"00","signatureRootECDSA":""})",
                           R"({"seq":1,"sha256":"x","signatureRootECDSA":""})"}) {
    EXPECT_FALSE(AuditChain::ReadHead(JsonDocument::Parse(text)->root()).has_value()) << text;
  }
}

TEST(AuditEntry, IsOneLineWhateverAStrangerSent) {
  ASSERT_OK_AND_ASSIGN(
      const std::string line,
      EntryForPeople(
          R"({"seq":7,"time":"2026-11-21T13:38:55Z","event":"activation-refused","previous":"00",)"
          R"("marble":"x\n2026-11-21T19:00:00Z manifest-set user=owner","uuid":"\u001b[2J\u009b",)"
          R"("package":"server","count":2})"));
  EXPECT_EQ(line,
            "2026-11-21T13:38:55Z activation-refused "
            R"(marble="x\n2026-11-21T19:00:00Z manifest-set user=owner" uuid="\u001b[2J\u009b" )"
            "package=server count=2");
}

}  // namespace
}  // namespace strongroom::cli
