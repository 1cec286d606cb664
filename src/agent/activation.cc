#include "agent/activation.h"

#include <fmt/format.h>

#include "agent/coordinator_check.h"
#include "crypto/cert_builder.h"
#include "crypto/csr.h"
#include "net/grpc_client.h"
#include "ratls/activation_binding.h"
#include "strongroom/v1/coordinator.pb.h"

namespace strongroom::agent {
namespace {

constexpr std::string_view kAttest = "/strongroom.v1.Coordinator/Attest";
constexpr std::string_view kChallenge = "/strongroom.v1.Coordinator/Challenge";
constexpr std::string_view kActivate = "/strongroom.v1.Coordinator/Activate";
constexpr std::int64_t kClientCertificateSeconds = 24L * 60 * 60;
constexpr std::int64_t kClockSlackSeconds = 24L * 60 * 60;

std::unexpected<ActivationError> Failed(Stage stage, Error error) {
  return std::unexpected(ActivationError{stage, std::move(error)});
}

bool Stopped(const ActivationParts& parts) { return parts.stop && parts.stop(); }

std::unexpected<ActivationError> ToldToEnd() {
  return Failed(Stage::kStopped, Error(Code::kCancelled, "told to end"));
}

// Lost connections and deadlines are the network's, whatever was being done; and a coordinator that
// has too much to do, as too many quotes to make or bodies to read, has less in a moment.
Stage StageOf(const Error& error, Stage otherwise) {
  const bool again = error.code() == Code::kUnavailable || error.code() == Code::kDeadline ||
                     error.code() == Code::kExhausted;
  return again ? Stage::kConnect : otherwise;
}

// The listener asks everyone for a certificate. This one says nothing: the evidence speaks for the
// key.
Result<std::shared_ptr<const net::Credentials>> ClientCredentials(const crypto::PrivateKey& key,
                                                                  UnixSeconds now) {
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", "strongroom-agent"}};
  spec.not_before = now + -kClockSlackSeconds;
  spec.not_after = now + kClientCertificateSeconds;
  spec.key_usage = crypto::kDigitalSignature;
  ASSIGN_OR_RETURN(const crypto::Certificate certificate, crypto::SelfSign(spec, key));
  ASSIGN_OR_RETURN(net::Credentials credentials,
                   net::Credentials::FromDer({ToBytes(certificate.der())}, key.Pkcs8Der()));
  return std::make_shared<const net::Credentials>(std::move(credentials));
}

SecretBytes TakeSecret(std::string& text) {
  SecretBytes out(AsBytes(text));
  Wipe(text);
  return out;
}

attest::Endorsements EndorsementsOf(const v1::Endorsements& message) {
  attest::Endorsements out;
  out.root_ca_crl = ToBytes(message.root_ca_crl());
  out.pck_crl = ToBytes(message.pck_crl());
  out.pck_crl_issuer_chain = message.pck_crl_issuer_chain();
  out.tcb_info = message.tcb_info();
  out.tcb_info_issuer_chain = message.tcb_info_issuer_chain();
  out.qe_identity = message.qe_identity();
  out.qe_identity_issuer_chain = message.qe_identity_issuer_chain();
  return out;
}

// One connection and what is said on it.
class Session {
 public:
  Session(net::GrpcChannel& channel, const ActivationTimeouts& timeouts)
      : channel_(channel), timeouts_(timeouts) {}

  Result<Bytes> Exporter() const {
    return channel_.connection().tls.Exporter(ratls::kExporterLabel);
  }

  // What the coordinator says to prove itself, unchecked.
  Result<CoordinatorProof> AskForProof(Entropy& entropy) {
    CoordinatorProof proof;
    proof.nonce = entropy.Take(ratls::kNonceBytes);
    ASSIGN_OR_RETURN(proof.exporter, Exporter());
    proof.server_chain = channel_.connection().tls.certificate_chain;
    v1::AttestRequest request;
    request.set_nonce(ToText(proof.nonce));
    v1::AttestResponse response;
    RETURN_IF_ERROR(Call(kAttest, request, response));
    proof.evidence = ToBytes(response.evidence());
    proof.endorsements = EndorsementsOf(response.endorsements());
    proof.manifest_sha256 = ToBytes(response.manifest_sha256());
    proof.authorities_pem =
        response.root_certificate_pem() + response.intermediate_certificate_pem();
    return proof;
  }

  template <class Request, class Response>
  Status Call(std::string_view method, const Request& request, Response& response) {
    const std::string bytes = request.SerializeAsString();
    ASSIGN_OR_RETURN(Bytes reply,
                     channel_.Call(method, AsBytes(bytes), {.timeout = timeouts_.call}));
    const bool parsed = response.ParseFromArray(reply.data(), static_cast<int>(reply.size()));
    Wipe(reply);
    if (!parsed)
      return Malformed(fmt::format("the coordinator's answer to {} is no message", method));
    return {};
  }

 private:
  net::GrpcChannel& channel_;
  ActivationTimeouts timeouts_;
};

GrantedModel TakeModel(v1::Model& model) {
  GrantedModel out;
  out.name = model.name();
  out.key = TakeSecret(*model.mutable_key());
  out.embedded_prefix = model.embedded_prefix();
  for (const auto& [file, digest] : model.files()) out.files.emplace(file, ToBytes(digest));
  for (const std::string& certificate : model.client_certificates())
    out.client_certificates.push_back(ToBytes(certificate));
  return out;
}

// kMalformed when the certificate is not for our key: nothing of the answer can be used then.
Result<Activation> TakeAnswer(v1::ActivateResponse& response, crypto::PrivateKey key) {
  ASSIGN_OR_RETURN(const auto chain,
                   In("the certificate chain of the answer",
                      crypto::Certificate::ChainFromPem(response.certificate_chain_pem(), 8)));
  ASSIGN_OR_RETURN(const crypto::PublicKey certified, chain.front().public_key());
  if (!(certified == key.public_key()))
    return Malformed("the coordinator certified another key than ours");
  Activation out{std::move(key),
                 response.certificate_chain_pem(),
                 response.marble_root_pem(),
                 response.root_certificate_pem(),
                 {},
                 {},
                 {},
                 {},
                 response.marblerun_style()};
  v1::Parameters& parameters = *response.mutable_parameters();
  for (auto& [path, content] : *parameters.mutable_files())
    out.files.emplace(path, TakeSecret(content));
  for (auto& [name, value] : *parameters.mutable_env()) {
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos)
      return Denied("the manifest sets a variable whose name is none");
    if (ChoosesCode(name)) {
      return Denied(fmt::format("the manifest sets {}, which steers what code is loaded",
                                name.substr(0, 80)));
    }
    out.env.emplace(name, TakeSecret(value));
  }
  out.argv.assign(parameters.argv().begin(), parameters.argv().end());
  for (v1::Model& model : *response.mutable_models()) out.models.push_back(TakeModel(model));
  return out;
}

Result<crypto::CertificateRequest> MakeRequest(const WorkloadIdentity& identity,
                                               const crypto::PrivateKey& key) {
  crypto::RequestSpec spec;
  spec.subject = {{"CN", identity.uuid}};
  spec.dns_names = identity.names;
  return crypto::CertificateRequest::Make(spec, key);
}

std::expected<Activation, ActivationError> RequestActivation(Session& session,
                                                             const WorkloadIdentity& identity,
                                                             const crypto::CertificateRequest& csr,
                                                             const crypto::PrivateKey& key,
                                                             const ActivationParts& parts) {
  if (Stopped(parts)) return ToldToEnd();
  v1::ChallengeResponse challenge;
  if (const Status asked = session.Call(kChallenge, v1::ChallengeRequest(), challenge);
      !asked.has_value()) {
    return Failed(StageOf(asked.error(), Stage::kRefused), asked.error());
  }
  const auto exporter = session.Exporter();
  if (!exporter.has_value()) return Failed(Stage::kTrust, exporter.error());
  const auto report_data = ratls::ActivationReportData(AsBytes(challenge.nonce()),
                                                       key.public_key().SpkiDer(), *exporter);
  if (!report_data.has_value()) return Failed(Stage::kRefused, report_data.error());
  auto evidence = parts.evidence.Quote(report_data->array());
  if (!evidence.has_value()) return Failed(Stage::kEvidence, evidence.error());

  v1::ActivateRequest request;
  request.set_marble(identity.marble);
  request.set_uuid(identity.uuid);
  request.set_csr(ToText(csr.der()));
  request.set_nonce(challenge.nonce());
  request.set_evidence(ToText(*evidence));
  if (Stopped(parts)) return ToldToEnd();
  v1::ActivateResponse response;
  if (const Status answered = session.Call(kActivate, request, response); !answered.has_value()) {
    return Failed(StageOf(answered.error(), Stage::kRefused), answered.error());
  }
  auto activation = TakeAnswer(response, key);
  if (!activation.has_value()) return Failed(Stage::kRefused, activation.error());
  return std::move(*activation);
}

}  // namespace

std::expected<Activation, ActivationError> Activate(const WorkloadIdentity& identity,
                                                    const CoordinatorExpectation& expected,
                                                    const ActivationParts& parts,
                                                    const ActivationTimeouts& timeouts) {
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  if (!key.has_value()) return Failed(Stage::kEvidence, key.error());
  const auto csr = MakeRequest(identity, *key);
  if (!csr.has_value())
    return Failed(Stage::kConfiguration, csr.error().In("the names wished for"));
  const auto credentials = ClientCredentials(*key, parts.clock.Now());
  if (!credentials.has_value()) return Failed(Stage::kEvidence, credentials.error());

  net::TlsClientOptions tls;
  // The handshake proves that the server holds its key; CheckCoordinator, before anything else is
  // said, whose key that is.
  tls.trust =
      net::TrustCheck{[](std::string_view, const std::vector<Bytes>&) -> Status { return {}; }};
  tls.credentials = *credentials;
  tls.minimum = net::TlsVersion::kTls13;
  tls.exporter_labels = {std::string(ratls::kExporterLabel)};
  if (Stopped(parts)) return ToldToEnd();
  auto channel = net::GrpcChannel::Connect({.address = identity.coordinator,
                                            .tls = std::move(tls),
                                            .connect_timeout = timeouts.connect});
  if (!channel.has_value()) return Failed(StageOf(channel.error(), Stage::kTrust), channel.error());

  if (Stopped(parts)) return ToldToEnd();
  Session session(**channel, timeouts);
  const auto proof = session.AskForProof(parts.entropy);
  if (!proof.has_value()) return Failed(StageOf(proof.error(), Stage::kTrust), proof.error());
  if (const Status checked = CheckCoordinator(*proof, expected, parts.floors, parts.clock.Now());
      !checked.has_value()) {
    return Failed(Stage::kTrust, checked.error());
  }
  return RequestActivation(session, identity, *csr, *key, parts);
}

}  // namespace strongroom::agent
