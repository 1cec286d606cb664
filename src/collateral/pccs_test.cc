#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "attest/testing/test_platform.h"
#include "attest/verifier.h"
#include "base/encoding.h"
#include "base/files.h"
#include "base/guarded.h"
#include "collateral/pccs_source.h"
#include "crypto/cert_builder.h"
#include "crypto/crl.h"
#include "net/server.h"
#include "testing/result_matchers.h"

namespace strongroom::collateral {
namespace {

using attest::testing::Keys;
using attest::testing::Made;
using attest::testing::Recipe;
using net::Milliseconds;
using strongroom::testing::Fails;

net::Response Answer(ByteView body, net::Headers headers = {}) {
  net::Response response;
  response.headers = std::move(headers);
  response.body = ToBytes(body);
  return response;
}

// A PCCS in this process that can be made to misbehave, one resource at a time.
class Pccs : public ::testing::Test {
 protected:
  using Misbehaviour = std::function<std::optional<net::Response>(int count)>;

  void SetUp() override {
    static const Keys keys = Keys::Generate().value();
    auto made = attest::testing::Make(Recipe(), keys);
    ASSERT_OK(made);
    made_ = std::move(*made);
    subject_.fmspc = attest::Fmspc::From(Recipe().fmspc).value();
    subject_.platform_ca = true;
    Start();
  }

  void TearDown() override {
    release_.With([](bool& released) { released = true; });
    released_.notify_all();
  }

  void Start(std::optional<net::TlsServerOptions> tls = std::nullopt) {
    auto router = std::make_shared<net::Router>();
    for (const char* version : {"v3", "v4"}) {
      const std::string base = fmt::format("/sgx/certification/{}", version);
      for (const char* name : {"tcb", "qe/identity", "pckcrl", "rootcacrl"}) {
        const bool v3 = std::string_view(version) == "v3";
        router->Handle(
            "GET", fmt::format("{}/{}", base, name),
            [this, name, v3](const net::Request& request) { return Serve(name, v3, request); });
      }
    }
    auto server = net::Server::Start(
        {.listeners = {{.address = "127.0.0.1:0", .tls = std::move(tls), .router = router}},
         .event_loops = 1,
         .workers = 4});
    ASSERT_OK(server);
    server_ = std::move(*server);
  }

  net::Response Serve(const std::string& name, bool v3, const net::Request& request) {
    const int count = counts_.With([&](auto& counts) { return ++counts[name]; });
    targets_.With([&](auto& targets) { targets.push_back(request.target); });
    if (const auto it = misbehaviours_.find(name); it != misbehaviours_.end()) {
      if (auto response = it->second(count)) return std::move(*response);
    }
    const attest::Endorsements& e = made_.endorsements;
    if (name == "tcb") {
      return Answer(AsBytes(e.tcb_info),
                    {{v3 ? "SGX-TCB-Info-Issuer-Chain" : "TCB-Info-Issuer-Chain",
                      PercentEncode(e.tcb_info_issuer_chain)}});
    }
    if (name == "qe/identity") {
      return Answer(AsBytes(e.qe_identity), {{"SGX-Enclave-Identity-Issuer-Chain",
                                              PercentEncode(e.qe_identity_issuer_chain)}});
    }
    if (name == "pckcrl") {
      return Answer(e.pck_crl,
                    {{"SGX-PCK-CRL-Issuer-Chain", PercentEncode(e.pck_crl_issuer_chain)}});
    }
    return Answer(AsBytes(HexEncode(e.root_ca_crl)));
  }

  std::string Url(const char* scheme = "http") const {
    return fmt::format("{}://127.0.0.1:{}", scheme, server_->port());
  }

  std::unique_ptr<PccsSource> Source(PccsOptions options = {}) {
    if (options.url.empty()) options.url = Url();
    auto source =
        PccsSource::Make(std::move(options), [this](Milliseconds wait) { slept_.push_back(wait); });
    EXPECT_OK(source);
    return std::move(*source);
  }

  int Count(const std::string& name) {
    return counts_.With([&](auto& counts) { return counts[name]; });
  }

  void Misbehave(const std::string& name, Misbehaviour how) {
    misbehaviours_[name] = std::move(how);
  }

  // Blocks a handler until the test is over.
  std::optional<net::Response> Hang() {
    std::unique_lock lock(hang_);
    released_.wait_for(lock, std::chrono::seconds(30),
                       [&] { return release_.With([](bool r) { return r; }); });
    return std::nullopt;
  }

  Made made_;
  attest::EndorsementSubject subject_;
  std::map<std::string, Misbehaviour> misbehaviours_;
  Guarded<std::map<std::string, int>> counts_;
  Guarded<std::vector<std::string>> targets_;
  Guarded<bool> release_;
  std::mutex hang_;
  std::condition_variable released_;
  std::vector<Milliseconds> slept_;
  std::unique_ptr<net::Server> server_;
};

TEST_F(Pccs, GivesEndorsementsThatVerify) {
  ASSERT_OK_AND_ASSIGN(const attest::Endorsements found, Source()->Fetch(subject_));
  const attest::Endorsements& wanted = made_.endorsements;
  EXPECT_EQ(found.root_ca_crl, wanted.root_ca_crl);
  EXPECT_EQ(found.pck_crl, wanted.pck_crl);
  EXPECT_EQ(found.pck_crl_issuer_chain, wanted.pck_crl_issuer_chain);
  EXPECT_EQ(found.tcb_info, wanted.tcb_info);
  EXPECT_EQ(found.tcb_info_issuer_chain, wanted.tcb_info_issuer_chain);
  EXPECT_EQ(found.qe_identity, wanted.qe_identity);
  EXPECT_EQ(found.qe_identity_issuer_chain, wanted.qe_identity_issuer_chain);
  EXPECT_OK(attest::VerifySgxEvidence(made_.quote, found, made_.anchors, made_.now).ToResult());
  EXPECT_TRUE(slept_.empty());
}

TEST_F(Pccs, IsAskedAsTheInterfaceSays) {
  ASSERT_OK(Source()->Fetch(subject_));
  subject_.platform_ca = false;
  ASSERT_OK(Source({.url = Url() + "/sgx/certification/v3/"})->Fetch(subject_));
  EXPECT_EQ(targets_.With([](auto& targets) { return targets; }),
            (std::vector<std::string>{
                "/sgx/certification/v4/tcb?fmspc=00606a000000", "/sgx/certification/v4/qe/identity",
                "/sgx/certification/v4/pckcrl?ca=platform&encoding=der",
                "/sgx/certification/v4/rootcacrl", "/sgx/certification/v3/tcb?fmspc=00606a000000",
                "/sgx/certification/v3/qe/identity",
                "/sgx/certification/v3/pckcrl?ca=processor&encoding=der",
                "/sgx/certification/v3/rootcacrl"}));
}

TEST_F(Pccs, MayAnswerListsAsPemHexOrDer) {
  const Bytes der = made_.endorsements.pck_crl;
  const std::string pem = crypto::Crl::FromDer(der)->Pem();
  for (const Bytes& form : {ToBytes(pem), ToBytes(HexEncode(der)), der}) {
    Misbehave("pckcrl", [&](int) {
      return Answer(form, {{"SGX-PCK-CRL-Issuer-Chain",
                            PercentEncode(made_.endorsements.pck_crl_issuer_chain)}});
    });
    ASSERT_OK_AND_ASSIGN(const attest::Endorsements found, Source()->Fetch(subject_));
    EXPECT_EQ(found.pck_crl, der);
  }
}

TEST_F(Pccs, ThatFailsInPassingIsAskedAgainWithGrowingPauses) {
  Misbehave("qe/identity", [](int count) -> std::optional<net::Response> {
    if (count < 3) return net::Response::Text(count == 1 ? 500 : 503, "later");
    return std::nullopt;
  });
  EXPECT_OK(Source()->Fetch(subject_));
  EXPECT_EQ(Count("qe/identity"), 3);
  EXPECT_EQ(Count("tcb"), 1);
  EXPECT_EQ(slept_, (std::vector<Milliseconds>{Milliseconds{200}, Milliseconds{400}}));
}

TEST_F(Pccs, ThatNamesAPauseIsLeftAloneForIt) {
  for (const auto& [header, wanted] :
       std::map<std::string, int>{{"2", 2000}, {"3600", 10'000}, {"-5", 200}, {"soon", 200}}) {
    slept_.clear();
    int asked = 0;
    Misbehave("tcb", [&, text = header](int) -> std::optional<net::Response> {
      if (++asked > 1) return std::nullopt;
      net::Response response = net::Response::Text(429, "slow down");
      response.headers.Add("retry-after", text);
      return response;
    });
    EXPECT_OK(Source()->Fetch(subject_));
    EXPECT_EQ(slept_, std::vector<Milliseconds>{Milliseconds{wanted}}) << header;
  }
}

TEST_F(Pccs, ThatStaysBrokenIsGivenUpOn) {
  Misbehave("rootcacrl", [](int) { return net::Response::Text(503, "never"); });
  EXPECT_THAT(Source()->Fetch(subject_), Fails(Code::kUnavailable, "rootcacrl answered 503"));
  EXPECT_EQ(Count("rootcacrl"), 3);
}

TEST_F(Pccs, IsNotAskedAgainAfterAFinalAnswer) {
  const struct {
    int status;
    Code code;
  } rows[] = {{404, Code::kNotFound},  {410, Code::kNotFound}, {400, Code::kMalformed},
              {401, Code::kDenied},    {403, Code::kDenied},   {302, Code::kMalformed},
              {204, Code::kMalformed}, {501, Code::kMalformed}};
  int asked = 0;
  for (const auto& row : rows) {
    Misbehave("tcb", [&](int) { return net::Response::Text(row.status, ""); });
    EXPECT_THAT(Source()->Fetch(subject_), Fails(row.code, fmt::format("answered {}", row.status)));
    EXPECT_EQ(Count("tcb"), ++asked);
  }
  EXPECT_TRUE(slept_.empty());
}

TEST_F(Pccs, WithGarbageForAnAnswerIsRefused) {
  const std::string chain = PercentEncode(made_.endorsements.pck_crl_issuer_chain);
  const std::string half = HexEncode(made_.endorsements.pck_crl).substr(0, 101);
  const struct {
    const char* resource;
    net::Response response;
    Code code;
    const char* text;
  } rows[] = {
      {"tcb", Answer(AsBytes("{}")), Code::kMalformed, "no header tcb-info-issuer-chain"},
      {"tcb", Answer(AsBytes("{}"), {{"TCB-Info-Issuer-Chain", "%zz"}}), Code::kMalformed,
       "tcb-info-issuer-chain"},
      {"qe/identity", Answer(AsBytes("{}")), Code::kMalformed,
       "no header sgx-enclave-identity-issuer-chain"},
      {"pckcrl", Answer(made_.endorsements.pck_crl), Code::kMalformed,
       "no header sgx-pck-crl-issuer-chain"},
      {"pckcrl",
       Answer(AsBytes("<html>captive portal</html>"), {{"SGX-PCK-CRL-Issuer-Chain", chain}}),
       Code::kMalformed, "PCK CRL"},
      {"pckcrl", Answer({}, {{"SGX-PCK-CRL-Issuer-Chain", chain}}), Code::kMalformed, "PCK CRL"},
      {"pckcrl", Answer(AsBytes(half), {{"SGX-PCK-CRL-Issuer-Chain", chain}}), Code::kMalformed,
       "PCK CRL"},
      {"rootcacrl", Answer(AsBytes("3082")), Code::kMalformed, "root CRL"},
      {"rootcacrl", Answer(Bytes((1 << 20) + 1, '0')), Code::kExhausted, ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(fmt::format("{}: {}", row.resource, row.text));
    misbehaviours_.clear();
    Misbehave(row.resource, [&](int) { return row.response; });
    EXPECT_THAT(Source()->Fetch(subject_), Fails(row.code, row.text));
  }
  EXPECT_TRUE(slept_.empty());
}

TEST_F(Pccs, ThatHangsIsWaitedForNoLongerThanToldTo) {
  Misbehave("tcb", [this](int) { return Hang(); });
  const auto source = Source({.url = Url(), .attempts = 2, .request_timeout = Milliseconds{100}});
  EXPECT_THAT(source->Fetch(subject_), Fails(Code::kDeadline, ""));
  EXPECT_EQ(slept_.size(), 1U);
}

TEST_F(Pccs, ThatHangsDoesNotHoldUpAllRequestsTogether) {
  Misbehave("tcb", [this](int) { return Hang(); });
  // The pause would end after the deadline of the whole: it is not begun.
  const auto source = Source({.url = Url(),
                              .attempts = 100,
                              .first_backoff = Milliseconds{500},
                              .timeout = Milliseconds{300}});
  EXPECT_THAT(source->Fetch(subject_), Fails(Code::kDeadline, ""));
  EXPECT_TRUE(slept_.empty());
}

TEST_F(Pccs, ThatIsNotThereIsUnavailable) {
  const std::string url = Url();
  server_->Stop();
  EXPECT_THAT(Source({.url = url})->Fetch(subject_), Fails(Code::kUnavailable, ""));
  EXPECT_EQ(slept_.size(), 2U);
}

// A peer below HTTP's rules: says a thousand bytes, sends three, goes.
TEST_F(Pccs, ThatBreaksOffItsAnswerIsUnavailable) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 8), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::jthread peer([&] {
    for (int i = 0; i < 2; ++i) {
      UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client.valid()) return;
      char request[4096];
      if (::recv(client.get(), request, sizeof request, 0) <= 0) continue;
      const std::string_view answer = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc";
      if (::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
    }
  });
  const std::string url = fmt::format("http://127.0.0.1:{}", ntohs(address.sin_port));
  const auto fetched = Source({.url = url, .attempts = 1})->Fetch(subject_);
  EXPECT_THAT(fetched, Fails(Code::kUnavailable, ""));
  ::shutdown(listener.get(), SHUT_RDWR);
}

TEST_F(Pccs, MayBeReachedByTlsWithItsOwnCertificate) {
  auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", "pccs"}};
  spec.not_before = SystemClock().Now() + (-3600);
  spec.not_after = SystemClock().Now() + 3600;
  spec.ip_addresses = {"127.0.0.1"};
  spec.basic_constraints = crypto::BasicConstraints{.is_ca = true, .path_length = std::nullopt};
  ASSERT_OK_AND_ASSIGN(const auto certificate, crypto::SelfSign(spec, *key));
  ASSERT_OK_AND_ASSIGN(auto credentials,
                       net::Credentials::FromDer({ToBytes(certificate.der())}, key->Pkcs8Der()));
  Start(net::TlsServerOptions{.credentials = credentials});
  EXPECT_OK(Source({.url = Url("https")})->Fetch(subject_));
  EXPECT_OK(
      Source({.url = Url("https"), .tls_roots = {ToBytes(certificate.der())}})->Fetch(subject_));
  ASSERT_OK_AND_ASSIGN(
      const auto stranger,
      crypto::SelfSign(spec, *crypto::PrivateKey::Generate(crypto::KeyType::kP256)));
  EXPECT_THAT(
      Source({.url = Url("https"), .tls_roots = {ToBytes(stranger.der())}})->Fetch(subject_),
      Fails(Code::kUntrusted, ""));
}

TEST_F(Pccs, HasTheRootsListElsewhereIfTold) {
  misbehaviours_["rootcacrl"] = [](int) { return net::Response::Text(404, ""); };
  Misbehave("pckcrl", [&](int count) -> std::optional<net::Response> {
    if (count % 2 == 0) return Answer(made_.endorsements.root_ca_crl);
    return std::nullopt;
  });
  EXPECT_OK(Source({.url = Url(), .root_ca_crl_url = Url() + "/sgx/certification/v4/pckcrl"})
                ->Fetch(subject_));
  EXPECT_EQ(Count("rootcacrl"), 0);
}

TEST(PccsSource, WantsAnUrl) {
  for (const char* url : {"", "pccs.example:8081", "ftp://pccs.example"}) {
    EXPECT_THAT(PccsSource::Make({.url = url}), Fails(Code::kMalformed, "no URL of a PCCS")) << url;
  }
  EXPECT_THAT(PccsSource::Make({.url = "http://x", .attempts = 0}),
              Fails(Code::kMalformed, "0 attempts"));
}

}  // namespace
}  // namespace strongroom::collateral
