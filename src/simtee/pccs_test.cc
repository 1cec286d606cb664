#include "simtee/pccs.h"

#include <fmt/format.h>

#include "attest/quote.h"
#include "attest/verifier.h"
#include "base/encoding.h"
#include "base/entropy.h"
#include "collateral/pccs_source.h"
#include "crypto/crl.h"
#include "net/server.h"
#include "sim/evidence.h"
#include "sim/world.h"
#include "testing/result_matchers.h"

namespace strongroom::simtee {
namespace {

constexpr UnixSeconds kNow{1'795'000'000};

const sim::World& TestWorld() {
  static const sim::World world = [] {
    SystemEntropy entropy;
    return sim::World::Create(entropy, kNow).value();
  }();
  return world;
}

class Pccs : public ::testing::Test {
 protected:
  Pccs() {
    auto router = std::make_shared<net::Router>();
    AddPccsRoutes(*router, collateral_, clock_);
    router_ = router;
    net::ServerOptions options{.event_loops = 1, .workers = 1};
    options.listeners.push_back({.address = "127.0.0.1:0", .router = router});
    server_ = net::Server::Start(std::move(options)).value();
  }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", server_->port()); }

  // Asks the router as the server would.
  net::Response Get(const std::string& path,
                    std::vector<std::pair<std::string, std::string>> query = {}) const {
    net::Request request{.method = "GET", .path = path, .query = std::move(query)};
    net::Response answer;
    const auto match = router_->Find("GET", path);
    match.route->handler(
        std::move(request),
        net::Responder([&](net::Response r) { answer = std::move(r); }, net::Response{}));
    return answer;
  }

  const FixedClock clock_{kNow};
  const sim::Collateral collateral_{TestWorld(), {}};
  std::shared_ptr<const net::Router> router_;
  std::unique_ptr<net::Server> server_;
};

TEST_F(Pccs, GivesOurClientAllThatEvidenceOfEveryPlatformNeeds) {
  ASSERT_OK_AND_ASSIGN(const auto source, collateral::PccsSource::Make({.url = url()}));
  for (const sim::Platform& platform : TestWorld().platforms()) {
    SCOPED_TRACE(platform.model().name);
    ASSERT_OK_AND_ASSIGN(const Bytes bytes, sim::IssueQuote(TestWorld(), platform, {}, {}));
    ASSERT_OK_AND_ASSIGN(const auto quote, attest::ParseQuote(bytes));
    ASSERT_OK_AND_ASSIGN(const auto subject, attest::UnverifiedEndorsementSubject(quote));
    ASSERT_OK_AND_ASSIGN(const attest::Endorsements endorsements, source->Fetch(subject));
    const auto appraisal = attest::VerifySgxEvidence(
        bytes, endorsements, attest::TrustAnchors().Add(TestWorld().anchor()), kNow);
    ASSERT_EQ(appraisal.claims.has_value(), platform.model().verdict.has_value());
    if (appraisal.claims.has_value()) {
      EXPECT_EQ(appraisal.claims->tcb().status, *platform.model().verdict);
    }
  }
}

TEST_F(Pccs, AnswersAsThePccsDoes) {
  const std::string base = "/sgx/certification/v4/";
  const auto tcb = Get(base + "tcb", {{"fmspc", "7E5700000001"}});
  EXPECT_EQ(tcb.status, 200);
  EXPECT_TRUE(
      tcb.headers.Get("tcb-info-issuer-chain")->starts_with("-----BEGIN%20CERTIFICATE-----%0A"));
  EXPECT_TRUE(
      Get(base + "qe/identity").headers.Get("sgx-enclave-identity-issuer-chain").has_value());
  const auto crl = Get(base + "pckcrl", {{"ca", "platform"}, {"encoding", "der"}});
  EXPECT_TRUE(crl.headers.Get("sgx-pck-crl-issuer-chain").has_value());
  EXPECT_OK(crypto::Crl::FromDer(crl.body));
  EXPECT_OK(crypto::Crl::FromPem(AsText(Get(base + "pckcrl", {{"ca", "processor"}}).body)));
  EXPECT_OK(HexDecode(AsText(Get(base + "rootcacrl").body)));
  EXPECT_OK(crypto::Crl::FromDer(
      Get(base + "crl", {{"uri", "https://simulated.invalid/TestSGXRootCA.der"}}).body));
  EXPECT_TRUE(AsText(Get(base + "fmspcs").body)
                  .starts_with(R"([{"fmspc":"7e5700000001","platform":"E5"},)"));
}

TEST_F(Pccs, RefusesWhatItDoesNotKnow) {
  struct Row {
    std::string path;
    std::vector<std::pair<std::string, std::string>> query;
    int status;
  };
  const Row rows[] = {
      {"tcb", {}, 400},
      {"tcb", {{"fmspc", "7e57"}}, 400},
      {"tcb", {{"fmspc", "not-hexadecm"}}, 400},
      {"tcb", {{"fmspc", "00906ed50000"}}, 404},
      {"pckcrl", {}, 400},
      {"pckcrl", {{"ca", "root"}}, 400},
      {"crl", {}, 400},
      {"crl", {{"uri", "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"}}, 404},
      {"qve/identity", {}, 404},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Get("/sgx/certification/v4/" + row.path, row.query).status, row.status) << row.path;
  }
}

}  // namespace
}  // namespace strongroom::simtee
