// SGX quote verification with endorsements checked once, against the bare cost of the signatures
// that a quote brings: PCK certificate, QE report, quote body. The certificate of a platform that
// the endorsements met before is known: then two are left.
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "attest/testing/test_platform.h"
#include "attest/verifier.h"
#include "crypto/key.h"

namespace strongroom::attest {
namespace {

using crypto::SignatureScheme;

constexpr int kRounds = 11;
constexpr int kIterations = 400;
constexpr std::size_t kTbsBytes = 1100;  // of a PCK certificate
constexpr std::size_t kQeReportBytes = 384;
constexpr std::size_t kSignedQuoteBytes = 432;

void Require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "attest_bench: %s failed\n", what);
  std::exit(1);
}

// Of this thread's own time on a core: what others do on the machine does not count.
double ThreadMicroseconds() {
  timespec now = {};
  Require(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0, "clock");
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

template <class Run>
double MicrosecondsEach(const Run& run) {
  const double start = ThreadMicroseconds();
  for (int i = 0; i < kIterations; ++i) run();
  return (ThreadMicroseconds() - start) / kIterations;
}

struct Signed {
  crypto::PublicKey key;
  Bytes message;
  Bytes signature;

  static Signed Make(std::size_t size) {
    const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
    Bytes message(size, 0x5a);
    Bytes signature = key.SignRaw(SignatureScheme::kEcdsaSha256, message).value();
    return {key.public_key(), std::move(message), std::move(signature)};
  }

  bool Holds() const {
    return key.VerifyRaw(SignatureScheme::kEcdsaSha256, message, signature).has_value();
  }
};

void Report(const char* figure, int round, double ours, double peer, const char* limit) {
  std::fputs(fmt::format("{}\t{}\t{:.1f}\t{:.1f}\tus\t{:.3f}\t{}\n", figure, round, ours, peer,
                         ours / peer, limit)
                 .c_str(),
             stdout);
}

void Run() {
  const auto keys = testing::Keys::Generate().value();
  const auto made = testing::Make(testing::Recipe(), keys).value();
  const auto prepared =
      PrepareEndorsements(made.endorsements, made.anchors, made.now).ToResult().value();
  const Signed bare[] = {Signed::Make(kTbsBytes), Signed::Make(kQeReportBytes),
                         Signed::Make(kSignedQuoteBytes)};
  const auto verify = [&](const PreparedEndorsements& endorsements) {
    Require(VerifySgxQuote(made.quote, endorsements, made.now).claims.has_value(), "verification");
  };
  const auto from_nothing = [&] {
    Require(
        VerifySgxEvidence(made.quote, made.endorsements, made.anchors, made.now).claims.has_value(),
        "verification");
  };
  const auto check = [](std::span<const Signed> signatures) {
    for (const Signed& one : signatures) Require(one.Holds(), "signature");
  };
  for (int round = 1; round <= kRounds; ++round) {
    std::vector<PreparedEndorsements> fresh;  // ones that met no platform yet
    for (int i = 0; i < kIterations; ++i) {
      fresh.push_back(
          PrepareEndorsements(made.endorsements, made.anchors, made.now).ToResult().value());
    }
    const double three = MicrosecondsEach([&] { check(bare); });
    const double two = MicrosecondsEach([&] { check(std::span(bare).subspan(1)); });
    auto next = fresh.begin();
    Report("attest.verify-quote", round, MicrosecondsEach([&] { verify(*next++); }), three,
           "<=1.5");
    Report("attest.verify-quote-of-known-platform", round,
           MicrosecondsEach([&] { verify(prepared); }), two, "-");
    Report("attest.verify-quote-and-endorsements", round, MicrosecondsEach(from_nothing), three,
           "-");
  }
}

}  // namespace
}  // namespace strongroom::attest

int main() {
  std::puts(
      "# attest.verify-quote: SGX quote v3, endorsements checked once; peer: its three P-256 "
      "verifications alone, two where the platform's certificate is known");
  strongroom::attest::Run();
  return 0;
}
