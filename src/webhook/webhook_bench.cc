// The webhook against its limits: the handler's time for a 20 KiB pod, reviews a second on one
// core, and what the running program needs for them.
#include <arpa/inet.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "base/files.h"
#include "net/client.h"
#include "webhook/authority.h"
#include "webhook/judge.h"
#include "webhook/testing/reviews.h"

extern char** environ;

namespace strongroom::webhook {
namespace {

constexpr int kRounds = 11;
constexpr int kReviews = 2000;
constexpr int kRequests = 1000;

void Require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "webhook_bench: %s failed\n", what);
  std::exit(1);
}

void Report(const char* figure, int round, double ours, double peer, const char* unit,
            const char* limit) {
  fmt::print("{}\t{}\t{:.2f}\t{:.2f}\t{}\t{:.4f}\t{}\n", figure, round, ours, peer, unit,
             ours / peer, limit);
}

// Of this thread's own time on a core: what others do on the machine does not count.
double ThreadMicroseconds() {
  timespec now = {};
  Require(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0, "clock");
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

void JudgeOnce(const std::string& text, const Configuration& configuration) {
  const auto review = Review::Parse(text);
  Require(review.has_value(), "parsing");
  const Verdict verdict = Mutate(*review, configuration);
  Require(!verdict.patch.empty(), "patching");
  Require(WriteVerdict(review->uid(), verdict).size() > 500, "answering");
}

void MeasureHandler(const std::string& text) {
  const Configuration configuration = testing::FullConfiguration();
  for (int round = 1; round <= kRounds; ++round) {
    std::vector<double> times;
    for (int i = 0; i < kReviews; ++i) {
      const double start = ThreadMicroseconds();
      JudgeOnce(text, configuration);
      times.push_back(ThreadMicroseconds() - start);
    }
    std::ranges::sort(times);
    double sum = 0;
    for (const double time : times) sum += time;
    Report("webhook.handler-p50", round, times[kReviews / 2], 200, "us", "<=1");
    Report("webhook.handler-p99", round, times[kReviews * 99 / 100], 1000, "us", "<=1");
    Report("webhook.reviews-per-core", round, kReviews * 1e6 / sum, 5000, "1/s", ">=1");
  }
}

// A port that nobody had a moment ago.
std::uint16_t FreePort() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  Require(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  Require(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0,
          "getsockname");
  return ntohs(address.sin_port);
}

// The program as it is installed, with a configuration and certificates of its own.
class RunningWebhook {
 public:
  RunningWebhook() : folder_(TemporaryFolder::Make("webhook-bench").value()), port_(FreePort()) {
    const ServingState state = MakeServingState({"localhost"}, SystemClock().Now()).value();
    leaf_ = ToBytes(state.leaf.der());
    Write("tls.crt", state.leaf.Pem());
    Write("tls.key", AsText(state.leaf_key.Pkcs8Pem().Reveal()));
    Write("webhook.json", R"({"format":"strongroom-webhook/1","coordinator_address":"c:2001"})");
    Start();
  }
  ~RunningWebhook() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }

  net::HttpsClient Client() const {
    return net::HttpsClient(
        {.tls = net::TlsClientOptions{.trust = net::TrustPinned{leaf_}}, .allow_http2 = false});
  }
  bool Review(net::HttpsClient& client, const std::string& text) const {
    net::ClientRequest request{.method = "POST",
                               .url = fmt::format("https://127.0.0.1:{}/mutate", port_),
                               .headers = {{"content-type", "application/json"}},
                               .body = ToBytes(text)};
    const auto response = client.Send(std::move(request));
    return response.has_value() && response->status == 200;
  }
  // The most memory it had so far.
  double PeakMebibytes() const {
    std::ifstream status(fmt::format("/proc/{}/status", pid_));
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
    }
    Require(false, "reading the program's status");
    return 0;
  }

 private:
  void Write(const char* name, std::string_view text) {
    Require(WriteFileAtomic(folder_.path() / name, AsBytes(text), 0600).has_value(), "writing");
  }
  void Start() {
    const std::string program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() /
        "bin/strongroom-webhook";
    std::vector<std::string> words = {program,
                                      "--config",
                                      folder_.path() / "webhook.json",
                                      "--tls-cert",
                                      folder_.path() / "tls.crt",
                                      "--tls-key",
                                      folder_.path() / "tls.key",
                                      "--listen",
                                      fmt::format("127.0.0.1:{}", port_),
                                      "--log-level",
                                      "error"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    Require(::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, argv.data(), environ) == 0,
            "starting strongroom-webhook");
    WaitUntilReady();
  }
  void WaitUntilReady() const {
    for (int i = 0; i < 500; ++i) {
      net::HttpsClient client = Client();
      if (client.Get(fmt::format("https://127.0.0.1:{}/readyz", port_)).has_value()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    Require(false, "waiting for strongroom-webhook");
  }

  TemporaryFolder folder_;
  std::uint16_t port_;
  Bytes leaf_;
  pid_t pid_ = -1;
};

void MeasureProgram(const std::string& text) {
  const RunningWebhook webhook;
  for (int round = 1; round <= kRounds; ++round) {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&] {
        net::HttpsClient client = webhook.Client();
        for (int n = 0; n < kRequests / 4; ++n) Require(webhook.Review(client, text), "a review");
      });
    }
    clients.clear();
    Report("webhook.rss", round, webhook.PeakMebibytes(), 30, "MiB", "<=1");
  }
}

}  // namespace
}  // namespace strongroom::webhook

int main() {
  using namespace strongroom::webhook;  // NOLINT(google-build-using-namespace): a program's main
  const std::string text = testing::MakeReview(testing::LargePod()).dump();
  fmt::print(
      "# webhook: a review of {:.1f} KiB, from its bytes to the answer's; peers are limits; "
      "times are of the thread\n# webhook.rss: the program under four clients over TLS\n",
      static_cast<double>(text.size()) / 1024);
  MeasureHandler(text);
  MeasureProgram(text);
  return 0;
}
