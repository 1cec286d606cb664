// Kills the real coordinator at random moments under load, starts it again, and holds what it says
// against what it had acknowledged.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "base/json.h"
#include "collateral/bundle.h"
#include "coordinator/api/messages.h"
#include "coordinator/api/testing_clients.h"
#include "crypto/hash.h"
#include "simtee/attestation_server.h"
#include "strongroom/v1/coordinator.pb.h"
#include "testing/result_matchers.h"

namespace strongroom {
namespace {

namespace fs = std::filesystem;
using coordinator::testing::MakeUser;
using coordinator::testing::SimIssuer;
using coordinator::testing::TestUser;

constexpr int kKills = 200;
constexpr int kKillsWhileSetting = 30;
constexpr const char* kActivate = "/strongroom.v1.Coordinator/Activate";

std::mt19937& Random() {
  static std::mt19937 generator{std::random_device{}()};
  return generator;
}
std::chrono::microseconds SomeTime(int most) {
  return std::chrono::microseconds(std::uniform_int_distribution<int>(0, most)(Random()));
}

// The world the program runs in: its TEE, the collateral, the folder of its state.
class Machine {
 public:
  Machine() {
    const auto world = sim::World::Create(entropy_, clock_.Now());
    world_ = std::make_unique<sim::World>(*world);
    const sim::Platform& platform = *world_->FindPlatform("up-to-date").value();
    sim::EnclaveIdentity identity;
    identity.mrsigner.writable()[0] = 9;
    enclave_ = std::make_unique<simtee::Enclave>(*world_, platform, identity);
    server = std::make_unique<SimIssuer>(*world_, platform, coordinator::testing::ServerIdentity());
    auto pair = simtee::MakeAttestationSocket().value();
    workload_end_ = std::move(pair.workload);
    answers_ =
        std::make_unique<simtee::AttestationServer>(std::move(pair.server), *enclave_, *log_);
    Publish({});
    manifest = coordinator::testing::TestManifest(owner, client, world_->anchor());
  }

  // The collateral that the next life of the program finds.
  void Publish(sim::CollateralOptions options) const {
    const sim::Collateral collateral(*world_, std::move(options));
    const auto endorsements =
        collateral.For(*world_->FindPlatform("up-to-date").value(), clock_.Now()).value();
    const auto written =
        WriteFileAtomic(bundle(), AsBytes(collateral::WriteBundle({endorsements})), 0644);
    if (!written.has_value()) std::abort();
  }

  fs::path bundle() const { return folder_.path() / "collateral.json"; }
  fs::path state() const { return folder_.path() / "state"; }
  int attestation_fd() const { return workload_end_.get(); }

  TestUser owner = MakeUser("owner");
  TestUser client = MakeUser("client");
  std::unique_ptr<SimIssuer> server;
  std::string manifest;

 private:
  SystemClock clock_;
  SystemEntropy entropy_;
  TemporaryFolder folder_ = *TemporaryFolder::Make("coordinator-crash");
  std::unique_ptr<Log> log_ = Log::ToFd("tee", LogLevel::kError, LogFormat::kText, STDERR_FILENO);
  std::unique_ptr<sim::World> world_;
  std::unique_ptr<simtee::Enclave> enclave_;
  UniqueFd workload_end_;
  std::unique_ptr<simtee::AttestationServer> answers_;
};

// One life of the program.
class Process {
 public:
  explicit Process(const Machine& machine) {
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0) std::abort();
    output_ = UniqueFd(pipe[0]);
    const UniqueFd write_end(pipe[1]);
    const std::string program =
        std::string(std::getenv("STRONGROOM_BIN")) + "/strongroom-coordinator";
    const std::string fd = std::to_string(machine.attestation_fd());
    pid_ = fork();
    if (pid_ == 0) {
      dup2(write_end.get(), STDERR_FILENO);
      fcntl(machine.attestation_fd(), F_SETFD, 0);
      setenv("STRONGROOM_ATTESTATION_FD", fd.c_str(), 1);
      execl(program.c_str(), program.c_str(), "--mesh-addr", "127.0.0.1:0", "--client-addr",
            "127.0.0.1:0", "--seal-dir", machine.state().c_str(), "--collateral",
            machine.bundle().c_str(), nullptr);
      _exit(127);
    }
  }
  ~Process() { Kill(); }

  // Reads the log until both ports are known; false when the program ended before.
  bool WaitUntilReady() {
    while (true) {
      client_port_ = PortAfter("client-port=");
      mesh_port_ = PortAfter("mesh-port=");
      if (text_.contains(" ready ") && client_port_ != 0 && mesh_port_ != 0) return true;
      pollfd wanted{.fd = output_.get(), .events = POLLIN, .revents = 0};
      if (poll(&wanted, 1, 30'000) <= 0) return false;
      char buffer[4096];
      const ssize_t n = read(output_.get(), buffer, sizeof buffer);
      if (n <= 0) return false;
      text_.append(buffer, static_cast<std::size_t>(n));
    }
  }

  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  // Goes on reading, so that a talkative program does not block on its log.
  void Drain() {
    fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    char buffer[65536];
    while (read(output_.get(), buffer, sizeof buffer) > 0) {
    }
  }

  std::string Url(const std::string& path) const {
    return fmt::format("https://127.0.0.1:{}{}", client_port_, path);
  }
  std::string mesh() const { return fmt::format("127.0.0.1:{}", mesh_port_); }
  const std::string& text() const { return text_; }

 private:
  // 0 while the line that names it is not complete.
  int PortAfter(const std::string& name) const {
    const auto at = text_.find(name);
    if (at == std::string::npos || text_.find('\n', at) == std::string::npos) return 0;
    return static_cast<int>(std::strtol(text_.c_str() + at + name.size(), nullptr, 10));
  }

  pid_t pid_ = -1;
  UniqueFd output_;
  std::string text_;
  int client_port_ = 0;
  int mesh_port_ = 0;
};

net::TlsClientOptions TrustAny(const TestUser* user) {
  net::TlsClientOptions out{.trust = net::TrustCheck{[](auto, const auto&) { return Status(); }}};
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
