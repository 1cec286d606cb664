#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/entropy.h"
#include "base/files.h"
#include "coordinator/core/coordinator.h"
#include "coordinator/core/testing/fakes.h"
#include "crypto/x509.h"
#include "sim/collateral.h"
#include "sim/evidence.h"
#include "sim/world.h"

// A coordinator on a simulated machine, with evidence in the real format: only the store, the clock
// and the way to the TEE are fakes.
namespace strongroom::coordinator::testing {

inline constexpr UnixSeconds kStageTime{1'800'000'000};

// A self-signed certificate as `strongroom user create` makes them.
struct TestUser {
  crypto::PrivateKey key;
  crypto::Certificate certificate;
};
TestUser MakeUser(const std::string& name);

// Gives collateral of a world, checked like a cache would.
class SimEndorsements final : public EndorsementPort {
 public:
  SimEndorsements(const sim::World& world, const Clock& clock, sim::CollateralOptions options = {})
      : collateral_(world, std::move(options)), world_(world), clock_(clock) {}

  Result<HeldEndorsements> For(const attest::Quote& quote,
                               const attest::TrustAnchors& anchors) override;
  Result<std::shared_ptr<const attest::Endorsements>> ForOwn(ByteView quote) override;

  void FailWith(std::optional<Error> error) { failure_ = std::move(error); }
  int asked() const { return asked_; }

 private:
  using Key = std::pair<attest::Fmspc, attest::TrustAnchors>;

  sim::Collateral collateral_;
  const sim::World& world_;
  const Clock& clock_;
  std::optional<Error> failure_;
  std::atomic<int> asked_ = 0;
  std::mutex mutex_;
  std::map<Key, HeldEndorsements> known_;
};

// Quotes for one enclave on one platform.
class SimIssuer final : public EvidenceIssuer {
 public:
  SimIssuer(const sim::World& world, const sim::Platform& platform, sim::EnclaveIdentity identity)
      : world_(world), platform_(platform), identity_(identity) {}
  Result<Bytes> Quote(const attest::ReportData& report_data) override {
    return sim::IssueQuote(world_, platform_, identity_, report_data, faults);
  }

  std::set<sim::QuoteFault> faults;

 private:
  const sim::World& world_;
  const sim::Platform& platform_;
  sim::EnclaveIdentity identity_;
};

// The enclave that manifests of tests call package "server".
sim::EnclaveIdentity ServerIdentity();
const sim::World& TestWorld();  // one for the whole process: making it takes a while
SimIssuer MakeServer(const char* platform = "up-to-date");

// A manifest with package and marble "server" (MarbleRun-style too), marble "limited" (twice at
// most), marble "keyed" (undeclared, a private key in its environment), marble "modern" (our
// dialect only, with model "digits"), users "owner" (writes and reads the key, reads the token) and
// "client" (may ask the model), and secrets of most kinds.
std::string TestManifest(const TestUser& owner, const TestUser& client,
                         const attest::Anchor& anchor = TestWorld().anchor());

// All of it together.
class Stage {
 public:
  Stage();
  // Starts a coordinator over the same store as the one before.
  void Restart();
  // Starts it over another store, which is borrowed.
  explicit Stage(Store& store);

  Coordinator& core() const { return *core_; }
  // With the test manifest in force.
  Stage& WithManifest();
  const std::string& manifest() const { return manifest_; }
  Status UploadKey(std::uint8_t fill = 7);

  // A request in our dialect, with a fresh nonce on `connection`, over evidence of `issuer`.
  Result<ActivationRequest> Request(const std::string& marble, SimIssuer& issuer,
                                    std::uint64_t connection = 1);
  // Likewise in MarbleRun's.
  Result<ActivationRequest> MarbleRunRequest(const std::string& marble, SimIssuer& issuer);

  FixedClock clock{kStageTime};
  SystemEntropy entropy;
  MemoryStore memory;
  TestUser owner = MakeUser("owner");
  TestUser client = MakeUser("client");
  TestUser stranger = MakeUser("stranger");
  SimIssuer server = MakeServer();
  SimEndorsements endorsements{TestWorld(), clock};
  Metrics metrics;

  std::string LogText() const;  // at level info

 private:
  Store& store_;
  UniqueFd log_file_;  // in memory
  std::unique_ptr<Log> log_;
  std::string manifest_;
  std::unique_ptr<Coordinator> core_;
};

inline constexpr const char* kTestUuid = "123e4567-e89b-12d3-a456-426614174000";

}  // namespace strongroom::coordinator::testing
