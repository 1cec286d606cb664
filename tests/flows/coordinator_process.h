#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "base/files.h"
#include "collateral/bundle.h"
#include "coordinator/core/testing/stage.h"
#include "simtee/attestation_server.h"

// The real coordinator in a simulated enclave, for tests that talk to it from outside.
namespace strongroom::flows {

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
    server = std::make_unique<coordinator::testing::SimIssuer>(
        *world_, platform, coordinator::testing::ServerIdentity());
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

  std::filesystem::path bundle() const { return folder_.path() / "collateral.json"; }
  std::filesystem::path state() const { return folder_.path() / "state"; }
  const sim::World& world() const { return *world_; }
  int attestation_fd() const { return workload_end_.get(); }

  coordinator::testing::TestUser owner = coordinator::testing::MakeUser("owner");
  coordinator::testing::TestUser client = coordinator::testing::MakeUser("client");
  std::unique_ptr<coordinator::testing::SimIssuer> server;
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
  std::string client() const { return fmt::format("127.0.0.1:{}", client_port_); }
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

}  // namespace strongroom::flows
