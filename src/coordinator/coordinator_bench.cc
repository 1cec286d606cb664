// What one activation costs the coordinator: processor time of the serving process, from reading
// the request to having written the answer, over a connection that is there already. Evidence is
// verified, a certificate issued, the account written to disk (SQLite, synced) each time.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "base/files.h"
#include "coordinator/api/testing_clients.h"
#include "coordinator/store/sqlite_store.h"
#include "crypto/cert_builder.h"
#include "ratls/activation_binding.h"

namespace strongroom::coordinator {
namespace {

using testing::SimIssuer;
using testing::TestUser;

constexpr int kRounds = 11;
constexpr int kActivations = 100;
constexpr double kGoalMilliseconds = 0.9;

template <class T>
T Must(Result<T> result) {
  if (result.has_value()) return std::move(result).value();
  fmt::print(stderr, "coordinator_bench: {}\n", result.error().ToString());
  std::exit(1);
}

struct Ports {
  std::uint16_t mesh = 0;
};

// The coordinator in a process of its own, so that only its time counts.
[[noreturn]] void Serve(int ready) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const TemporaryFolder folder = Must(TemporaryFolder::Make("coordinator-bench"));
  testing::FakeSealer sealer;
  SystemEntropy entropy;
  const auto store = Must(SqliteStore::Open(folder.path() / "state", sealer, entropy));
  testing::Stage stage(*store);
  stage.WithManifest();
  const auto log = Log::ToFd("bench", LogLevel::kError, LogFormat::kText, STDERR_FILENO);
  const auto front_ends = Must(FrontEnds::Start(
      stage.core(), {.client_address = "127.0.0.1:0", .mesh_address = "127.0.0.1:0"}, *log,
      stage.metrics));
  const Ports ports{front_ends->mesh_port()};
  if (write(ready, &ports, sizeof ports) != sizeof ports) std::exit(1);
  close(ready);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  int signal = 0;
  sigwait(&signals, &signal);
  front_ends->Stop();
  std::exit(0);
}

class Server {
 public:
  Server() {
    int pipe[2];
    if (::pipe(pipe) != 0) std::exit(1);
    pid_ = fork();
    if (pid_ == 0) Serve(pipe[1]);
    close(pipe[1]);
    if (read(pipe[0], &ports_, sizeof ports_) != sizeof ports_) std::exit(1);
    close(pipe[0]);
    if (clock_getcpuclockid(pid_, &clock_) != 0) std::exit(1);
  }
  ~Server() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }

  double CpuMilliseconds() const {
    timespec now{};
    if (clock_gettime(clock_, &now) != 0) std::exit(1);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
  }
  std::unique_ptr<net::GrpcChannel> Connect(const TestUser* shows) const {
    net::TlsClientOptions tls{.trust = net::TrustCheck{[](auto, const auto&) { return Status(); }},
                              .exporter_labels = {std::string(ratls::kExporterLabel)}};
    if (shows != nullptr)
      tls.credentials = std::make_shared<const net::Credentials>(Must(
          net::Credentials::FromDer({ToBytes(shows->certificate.der())}, shows->key.Pkcs8Der())));
    return Must(net::GrpcChannel::Connect(
        {.address = fmt::format("127.0.0.1:{}", ports_.mesh), .tls = std::move(tls)}));
  }

 private:
  pid_t pid_ = -1;
  clockid_t clock_ = 0;
  Ports ports_;
};

// As MarbleRun's premain makes one.
TestUser MakeP384Client() {
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", "MarbleRun Marble"}};
  spec.not_before = testing::kStageTime;
  spec.not_after = testing::kStageTime + kDay;
  const auto key = Must(crypto::PrivateKey::Generate(crypto::KeyType::kP384));
  return {key, Must(crypto::SelfSign(spec, key))};
}

// Milliseconds of the server for one call of `activate`.
template <class Activate>
double Cost(const Server& server, const Activate& activate) {
  activate();
  const double before = server.CpuMilliseconds();
  for (int i = 0; i < kActivations; ++i) activate();
  return (server.CpuMilliseconds() - before) / kActivations;
}

void Report(const char* figure, int round, double ours, double peer, const char* limit) {
  fmt::print("{}\t{}\t{:.3f}\t{:.3f}\tms\t{:.3f}\t{}\n", figure, round, ours, peer, ours / peer,
             limit);
}

void Run() {
  testing::TestWorld();  // before the fork: both sides need the same
  const Server server;
  SimIssuer workload = testing::MakeServer();
  const auto key = Must(crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  const TestUser marble = MakeP384Client();
  const auto ours = server.Connect(nullptr);
  const auto theirs = server.Connect(&marble);
  const auto message = Must(testing::MakeMarbleRunMessage(workload, "server", marble));
  for (int round = 1; round <= kRounds; ++round) {
    const double own = Cost(server, [&] {
      const Bytes request = Must(testing::MakeActivateMessage(*ours, workload, "server", key));
      Must(ours->Call("/strongroom.v1.Coordinator/Activate", request));
    });
    const double compatible =
        Cost(server, [&] { Must(theirs->Call("/rpc.Marble/Activate", message)); });
    Report("coordinator.activate", round, own, kGoalMilliseconds, "<=1.0");
    Report("coordinator.activate-marblerun", round, compatible, own, "-");
  }
}

}  // namespace
}  // namespace strongroom::coordinator

int main() {
  std::puts(
      "# coordinator.activate: CPU of the coordinator for Challenge and Activate; the peer is no "
      "program but the goal of 0.9 ms\n"
      "# coordinator.activate-marblerun: CPU for a client of MarbleRun's dialect with a P-384 key; "
      "peer: the row above, same round");
  strongroom::coordinator::Run();
  return 0;
}
