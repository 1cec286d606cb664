#include "coordinator/core/testing/stage.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "attest/endorsement_subject.h"
#include "attest/quote.h"
#include "base/encoding.h"
#include "base/json.h"
#include "crypto/cert_builder.h"

namespace strongroom::coordinator::testing {
namespace {

// Tests cannot go on without these.
template <class T>
T Must(Result<T> result) {
  if (result.has_value()) return std::move(result).value();
  fmt::print(stderr, "stage: {}\n", result.error().ToString());
  std::abort();
}

}  // namespace

TestUser MakeUser(const std::string& name) {
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", name}};
  spec.not_before = kStageTime + -3600;
  spec.not_after = kStageTime + 3600;
  auto key = Must(crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  auto certificate = Must(crypto::SelfSign(spec, key));
  return {std::move(key), std::move(certificate)};
}

Result<std::shared_ptr<const attest::Endorsements>> SimEndorsements::ForOwn(ByteView quote) {
  ASSIGN_OR_RETURN(const attest::Quote parsed, attest::ParseQuote(quote));
  ASSIGN_OR_RETURN(HeldEndorsements found,
                   For(parsed, attest::TrustAnchors().Add(world_.anchor())));
  return std::move(found.raw);
}

Result<HeldEndorsements> SimEndorsements::For(const attest::Quote& quote,
                                              const attest::TrustAnchors& anchors) {
  ++asked_;
  if (failure_) return std::unexpected(*failure_);
  ASSIGN_OR_RETURN(const attest::EndorsementSubject subject,
                   attest::UnverifiedEndorsementSubject(quote));
  const Key key{subject.fmspc, anchors};
  const std::lock_guard lock(mutex_);
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  for (const sim::Platform& platform : world_.platforms()) {
    if (platform.identity().fmspc != subject.fmspc) continue;
    ASSIGN_OR_RETURN(attest::Endorsements raw, collateral_.For(platform, clock_.Now()));
    ASSIGN_OR_RETURN(attest::PreparedEndorsements prepared,
                     attest::PrepareEndorsements(raw, anchors, clock_.Now()).ToResult());
    HeldEndorsements out{std::make_shared<const attest::Endorsements>(std::move(raw)),
                         std::move(prepared)};
    known_.emplace(key, out);
    return out;
  }
  return NotFound("no such family of platforms");
}

sim::EnclaveIdentity ServerIdentity() {
  sim::EnclaveIdentity out;
  out.mrenclave.writable()[0] = 0xe1;
  out.mrsigner.writable()[0] = 0x51;
  out.isv_prod_id = 7;
  out.isv_svn = 3;
  return out;
}

const sim::World& TestWorld() {
  static const sim::World world = [] {
    SystemEntropy entropy;
    return Must(sim::World::Create(entropy, kStageTime));
  }();
  return world;
}

SimIssuer MakeServer(const char* platform) {
  return SimIssuer(TestWorld(), *Must(TestWorld().FindPlatform(platform)), ServerIdentity());
}

std::string TestManifest(const TestUser& owner, const TestUser& client,
                         const attest::Anchor& anchor) {
  constexpr const char* text = R"({{
  "Packages": {{"server": {{"UniqueID": "{unique}", "TrustAnchors": ["{anchor}"]}}}},
  "Marbles": {{
    "server": {{
      "Package": "server",
      "Activation": "marblerun",
      "Parameters": {{
        "Argv": ["server", "--verbose"],
        "Files": {{"/etc/own": "{{{{ hex .Secrets.own }}}}", "/etc/plain": "text"}},
        "Env": {{"SHARED": "{{{{ hex .Secrets.shared }}}}", "ROOT": "{{{{ pem .MarbleRun.RootCA.Cert }}}}"}}
      }}
    }},
    "limited": {{"Package": "server", "MaxActivations": 2}},
    "tokens": {{"Package": "server", "Parameters": {{"Env": {{"TOKEN": "{{{{ string .Secrets.token }}}}"}}}}}},
    "certified": {{"Package": "server", "Parameters": {{"Files": {{"/cert.pem": "{{{{ pem .Secrets.fresh.Cert }}}}"}}}}}},
    "keyed": {{"Package": "server", "Parameters": {{"Env": {{"KEY": "{{{{ pem .Secrets.kept.Private }}}}"}}}}}},
    "modern": {{"Package": "server", "Models": ["digits"], "SANs": ["digits.example", "10.0.0.1"]}}
  }},
  "Secrets": {{
    "shared": {{"Type": "symmetric-key", "Size": 256, "Shared": true}},
    "own": {{"Type": "symmetric-key", "Size": 128}},
    "fresh": {{"Type": "cert-ecdsa", "Size": 256}},
    "kept": {{"Type": "cert-ecdsa", "Size": 384, "Shared": true}},
    "token": {{"Type": "plain", "UserDefined": true}},
    "upload": {{"Type": "cert-ecdsa", "UserDefined": true}},
    "key": {{"Type": "symmetric-key", "Size": 128, "UserDefined": true}}
  }},
  "Models": {{"digits": {{"Key": "key", "Files": {{"1/model.onnx": "{digest}"}}, "Clients": ["asks"]}}}},
  "Users": {{
    "owner": {{"Certificate": {owner}, "Roles": ["writes", "reads"]}},
    "client": {{"Certificate": {client}, "Roles": ["asks"]}}
  }},
  "Roles": {{
    "writes": {{"ResourceType": "Secrets", "ResourceNames": ["key", "token", "upload"], "Actions": ["WriteSecret"]}},
    "reads": {{"ResourceType": "Secrets", "ResourceNames": ["key", "shared", "kept"], "Actions": ["ReadSecret"]}},
    "asks": {{"ResourceType": "Secrets", "ResourceNames": ["shared"], "Actions": []}}
  }}
}})";
  const auto quoted = [](const TestUser& user) {
    return JsonWriter().String(user.certificate.Pem()).text();
  };
  return fmt::format(
      fmt::runtime(text), fmt::arg("unique", HexEncode(ServerIdentity().mrenclave.view())),
      fmt::arg("anchor", HexEncode(anchor.view())), fmt::arg("digest", std::string(64, 'd')),
      fmt::arg("owner", quoted(owner)), fmt::arg("client", quoted(client)));
}

Stage::Stage() : Stage(memory) {}

Stage::Stage(Store& store)
    : store_(store),
      log_file_(memfd_create("stage-log", MFD_CLOEXEC)),
      log_(Log::ToFd("test", LogLevel::kInfo, LogFormat::kText, log_file_.get())),
      manifest_(TestManifest(owner, client)) {
  Restart();
}

std::string Stage::LogText() const {
  return Must(ReadTextFile(fmt::format("/proc/self/fd/{}", log_file_.get()), 16 << 20));
}

void Stage::Restart() {
  core_.reset();
  core_ = Must(Coordinator::Start({.store = store_,
                                   .issuer = server,
                                   .endorsements = endorsements,
                                   .clock = clock,
                                   .entropy = entropy,
                                   .log = *log_,
                                   .metrics = metrics},
                                  {.names = {"coordinator.example", "10.1.2.3"}}));
}

Stage& Stage::WithManifest() {
  Must(core_->SetManifest(AsBytes(manifest_)));
  return *this;
}

Status Stage::UploadKey(std::uint8_t fill) {
  manifest::ByName<SecretUpload> uploads;
  uploads["key"].key = SecretBytes::Adopt(Bytes(16, fill));
  return core_->SetSecrets(owner.certificate.der(), uploads, manifest::Fingerprint(manifest_));
}

Result<ActivationRequest> Stage::Request(const std::string& marble, SimIssuer& issuer,
                                         std::uint64_t connection) {
  ActivationRequest out;
  out.marble = marble;
  out.uuid = kTestUuid;
  entropy.Fill(out.report_data.writable());
  ASSIGN_OR_RETURN(out.quote, issuer.Quote(out.report_data));
  ASSIGN_OR_RETURN(Bytes nonce, core_->Challenge(connection));
  out.challenge = ChallengeAnswer{connection, std::move(nonce)};
  out.key = owner.key.public_key();
  return out;
}

Result<ActivationRequest> Stage::MarbleRunRequest(const std::string& marble, SimIssuer& issuer) {
  ActivationRequest out;
  out.dialect = manifest::Dialect::kMarbleRun;
  out.marble = marble;
  out.uuid = kTestUuid;
  entropy.Fill(out.report_data.writable());
  ASSIGN_OR_RETURN(out.quote, issuer.Quote(out.report_data));
  return out;
}

}  // namespace strongroom::coordinator::testing
