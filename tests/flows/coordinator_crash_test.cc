// Kills the real coordinator at random moments under load, starts it again, and holds what it says
// against what it had acknowledged.
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "coordinator/api/messages.h"
#include "coordinator/api/testing_clients.h"
#include "coordinator_process.h"
#include "crypto/hash.h"
#include "ratls/activation_binding.h"
#include "strongroom/v1/coordinator.pb.h"
#include "testing/result_matchers.h"

namespace strongroom {
namespace {

namespace fs = std::filesystem;
using coordinator::testing::TestUser;
using flows::Machine;
using flows::Process;

constexpr int kKills = 200;
constexpr int kKillsWhileSetting = 30;
constexpr const char* kActivate = "/strongroom.v1.Coordinator/Activate";

// STRONGROOM_CRASH_SEED says when to kill as a run did that failed.
std::mt19937& Random() {
  static std::mt19937 generator = [] {
    const char* wanted = std::getenv("STRONGROOM_CRASH_SEED");
    const auto given = ParseDecimal<std::uint32_t>(wanted == nullptr ? "" : wanted);
    const std::uint32_t seed = given ? *given : std::random_device{}();
    fmt::print("moments of this run: STRONGROOM_CRASH_SEED={}\n", seed);
    return std::mt19937(seed);
  }();
  return generator;
}
std::chrono::microseconds SomeTime(int most) {
  return std::chrono::microseconds(std::uniform_int_distribution<int>(0, most)(Random()));
}

net::TlsClientOptions TrustAny(const TestUser* user) {
  net::TlsClientOptions out{.trust = net::TrustCheck{[](auto, const auto&) { return Status(); }},
                            .exporter_labels = {std::string(ratls::kExporterLabel)}};
  if (user != nullptr)
    out.credentials = std::make_shared<const net::Credentials>(
        net::Credentials::FromDer({ToBytes(user->certificate.der())}, user->key.Pkcs8Der())
            .value());
  return out;
}

std::unique_ptr<net::HttpsClient> ClientOf(const TestUser* user) {
  return std::make_unique<net::HttpsClient>(
      net::HttpsClientOptions{.tls = TrustAny(user), .max_response_bytes = 64 << 20});
}

Result<JsonDocument> Fetch(net::HttpsClient& client, const std::string& url) {
  ASSIGN_OR_RETURN(const net::ClientResponse response, client.Get(url));
  return coordinator::testing::ParseAnswer(response);
}

// What the coordinator has acknowledged, and what it may have done without an answer.
struct Oracle {
  std::uint64_t secret_acknowledged = 0;
  std::uint64_t secret_sent = 0;
  std::vector<std::string> certificates;  // of acknowledged activations, since the last check
  // the audit chain as far as it was checked
  std::uint64_t audit_sequence = 0;
  std::string audit_digest = std::string(64, '0');
  std::uint64_t activations_acknowledged = 0;
  std::uint64_t activations_found = 0;
};

std::string KeyOf(std::uint64_t n) {
  Bytes key(16);
  for (std::size_t i = 0; i < 8; ++i) key[i] = static_cast<std::uint8_t>(n >> (8 * i));
  return Base64Encode(key);
}

// Uploads one value after the other until the program is gone.
void WriteSecrets(const Process& process, const Machine& machine, Oracle& oracle) {
  const auto client = ClientOf(&machine.owner);
  while (true) {
    const std::uint64_t n = ++oracle.secret_sent;
    const auto response =
        client->Post(process.Url("/api/v2/secrets"), "application/json",
                     AsBytes(fmt::format(R"({{"secrets":{{"key":{{"Key":"{}"}}}}}})", KeyOf(n))));
    if (!response.has_value()) return;
    ASSERT_EQ(response->status, 200) << AsText(response->body);
    oracle.secret_acknowledged = n;
  }
}

void Activate(const Process& process, const Machine& machine,
              std::vector<std::string>& certificates) {
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  const auto channel =
      net::GrpcChannel::Connect({.address = process.mesh(), .tls = TrustAny(nullptr)});
  if (!channel.has_value()) return;
  while (true) {
    const auto message =
        coordinator::testing::MakeActivateMessage(**channel, *machine.server, "server", key);
    if (!message.has_value()) return;
    const auto reply = (*channel)->Call(kActivate, *message);
    if (!reply.has_value()) {
      ASSERT_NE(reply.error().code(), Code::kDenied) << reply.error().ToString();
      return;
    }
    const auto answer = coordinator::ParseMessage<v1::ActivateResponse>(*reply).value();
    const auto chain = crypto::Certificate::ChainFromPem(answer.certificate_chain_pem(), 2).value();
    certificates.push_back(HexEncode(chain.front().Fingerprint().view()));
  }
}

// Load from three sides until the program is killed after a random while.
void LoadAndKill(Process& process, const Machine& machine, Oracle& oracle) {
  std::vector<std::string> first, second;
  {
    std::jthread writer([&] { WriteSecrets(process, machine, oracle); });
    std::jthread one([&] { Activate(process, machine, first); });
    std::jthread two([&] { Activate(process, machine, second); });
    std::this_thread::sleep_for(SomeTime(120'000));  // the moment of the kill is what is random
    process.Kill();
  }
  for (auto* list : {&first, &second})
    oracle.certificates.insert(oracle.certificates.end(), list->begin(), list->end());
}

void CheckSecret(const Process& process, const Machine& machine, Oracle& oracle) {
  const auto client = ClientOf(&machine.owner);
  const auto response = client->Get(process.Url("/api/v2/secrets?s=key"));
  ASSERT_OK(response);
  const std::string text(AsText(response->body));
  if (oracle.secret_acknowledged == 0 && response->status != 200) return;
  ASSERT_EQ(response->status, 200) << text;
  bool found = false;
  for (std::uint64_t n = oracle.secret_acknowledged; n <= oracle.secret_sent; ++n) {
    if (!text.contains(KeyOf(n))) continue;
    found = true;
    oracle.secret_acknowledged = n;
  }
  EXPECT_TRUE(found) << "acknowledged " << oracle.secret_acknowledged << ", found " << text;
}

void CheckAudit(const Process& process, const Machine& machine, Oracle& oracle) {
  const auto client = ClientOf(&machine.owner);
  std::set<std::string> seen;
  while (true) {
    const auto answer = Fetch(
        *client, process.Url(fmt::format("/api/v2/audit?from={}", oracle.audit_sequence + 1)));
    ASSERT_OK(answer);
    const Json& entries = *answer->root().Find("data")->Find("entries");
    if (entries.items().empty()) {
      EXPECT_EQ(*answer->root().Find("data")->Find("head")->GetString("sha256"),
                oracle.audit_digest);
      break;
    }
    for (const Json& item : entries.items()) {
      const std::string entry(*item.String());
      const auto document = JsonDocument::Parse(entry);
      ASSERT_OK(document);
      ASSERT_EQ(*document->root().GetString("previous"), oracle.audit_digest);
      ASSERT_EQ(document->root().Find("seq")->Unsigned().value(), ++oracle.audit_sequence);
      oracle.audit_digest = HexEncode(crypto::Sha256(AsBytes(entry)).view());
      if (*document->root().GetString("event") != "activated") continue;
      seen.insert(std::string(*document->root().GetString("certificate")));
      ++oracle.activations_found;
    }
  }
  for (const std::string& certificate : oracle.certificates)
    EXPECT_TRUE(seen.contains(certificate)) << "an acknowledged activation is in no audit entry";
  oracle.activations_acknowledged += oracle.certificates.size();
  oracle.certificates.clear();
}

std::string SetBody(const Machine& machine) {
  return "{\"manifest\":\"" + Base64Encode(AsBytes(machine.manifest)) + "\"}";
}

std::int64_t StateOf(const Process& process) {
  const auto client = ClientOf(nullptr);
  const auto status = Fetch(*client, process.Url("/api/v2/status"));
  EXPECT_OK(status);
  return status.has_value() ? status->root().Find("data")->GetInt("code").value() : -1;
}

// One activation, and what came of it.
Status ActivateOnce(const Process& process, const Machine& machine) {
  ASSIGN_OR_RETURN(const auto key, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ASSIGN_OR_RETURN(const auto channel, net::GrpcChannel::Connect(
                                           {.address = process.mesh(), .tls = TrustAny(nullptr)}));
  ASSIGN_OR_RETURN(const Bytes message, coordinator::testing::MakeActivateMessage(
                                            *channel, *machine.server, "server", key));
  RETURN_IF_ERROR(channel->Call(kActivate, message));
  return {};
}

TEST(CoordinatorCrashTest, RefusesOlderCollateralThanItSawInAnEarlierLife) {
  const Machine machine;
  {
    Process process(machine);
    ASSERT_TRUE(process.WaitUntilReady()) << process.text();
    const auto set = ClientOf(nullptr)->Post(process.Url("/api/v2/manifest"), "application/json",
                                             AsBytes(SetBody(machine)));
    ASSERT_OK(set);
    ASSERT_EQ(set->status, 200) << AsText(set->body);
    EXPECT_OK(ActivateOnce(process, machine));
  }
  sim::CollateralOptions older;
  --older.evaluation_number;
  machine.Publish(older);
  {
    Process process(machine);
    ASSERT_TRUE(process.WaitUntilReady()) << process.text();
    EXPECT_THAT(ActivateOnce(process, machine),
                strongroom::testing::Fails(Code::kUntrusted, "as seen before"));
  }
  machine.Publish({});
  Process process(machine);
  ASSERT_TRUE(process.WaitUntilReady()) << process.text();
  EXPECT_OK(ActivateOnce(process, machine));
}

TEST(CoordinatorCrashTest, KeepsWhatItAcknowledgedOverRandomKills) {
  const Machine machine;
  Oracle oracle;
  {
    Process process(machine);
    ASSERT_TRUE(process.WaitUntilReady()) << process.text();
    const auto client = ClientOf(nullptr);
    const auto set = client->Post(process.Url("/api/v2/manifest"), "application/json",
                                  AsBytes(SetBody(machine)));
    ASSERT_OK(set);
    ASSERT_EQ(set->status, 200) << AsText(set->body);
  }
  for (int kill = 0; kill < kKills; ++kill) {
    if (kill % 10 == 9) {
      Process starting(machine);
      std::this_thread::sleep_for(SomeTime(80'000));  // killed while it starts
    }
    Process process(machine);
    ASSERT_TRUE(process.WaitUntilReady()) << process.text();
    ASSERT_EQ(StateOf(process), 3);
    CheckSecret(process, machine, oracle);
    CheckAudit(process, machine, oracle);
    if (HasFailure()) break;
    LoadAndKill(process, machine, oracle);
    process.Drain();
  }
  Process last(machine);
  ASSERT_TRUE(last.WaitUntilReady()) << last.text();
  CheckSecret(last, machine, oracle);
  CheckAudit(last, machine, oracle);
  EXPECT_GT(oracle.activations_acknowledged, unsigned{kKills} / 8) << "the load was no load";
  EXPECT_GT(oracle.secret_acknowledged, unsigned{kKills} / 8);
  EXPECT_GE(oracle.activations_found, oracle.activations_acknowledged);
  fmt::print("{} kills: {} secrets and {} activations acknowledged, {} audit entries, all found\n",
             kKills, oracle.secret_acknowledged, oracle.activations_acknowledged,
             oracle.audit_sequence);
}

TEST(CoordinatorCrashTest, SetsAManifestWhollyOrNotAtAll) {
  const Machine machine;
  int set = 0, unset = 0;
  for (int kill = 0; kill < kKillsWhileSetting; ++kill) {
    fs::remove_all(machine.state());
    std::atomic<bool> acknowledged = false;
    {
      Process process(machine);
      ASSERT_TRUE(process.WaitUntilReady()) << process.text();
      std::jthread setter([&] {
        const auto client = ClientOf(nullptr);
        const auto response = client->Post(process.Url("/api/v2/manifest"), "application/json",
                                           AsBytes(SetBody(machine)));
        acknowledged = response.has_value() && response->status == 200;
      });
      std::this_thread::sleep_for(SomeTime(60'000));
      process.Kill();
    }
    Process after(machine);
    ASSERT_TRUE(after.WaitUntilReady()) << after.text();
    const std::int64_t state = StateOf(after);
    ASSERT_TRUE(state == 3 || (state == 2 && !acknowledged)) << state;
    ++(state == 3 ? set : unset);
    if (state == 3) continue;
    const auto client = ClientOf(nullptr);
    const auto again =
        client->Post(after.Url("/api/v2/manifest"), "application/json", AsBytes(SetBody(machine)));
    ASSERT_OK(again);
    ASSERT_EQ(again->status, 200) << AsText(again->body);
  }
  fmt::print("killed while setting: {} times set, {} times not\n", set, unset);
}

}  // namespace
}  // namespace strongroom
