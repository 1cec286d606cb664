#include "agent/testing/fake_coordinator.h"

#include <cstdlib>

#include "attest/verifier.h"
#include "base/entropy.h"
#include "crypto/cert_builder.h"
#include "crypto/csr.h"
#include "ratls/activation_binding.h"

namespace strongroom::agent::testing {
namespace {

template <class T>
T Must(Result<T> result) {
  if (!result.has_value()) {
    std::fprintf(stderr, "%s\n", result.error().ToString().c_str());
    std::abort();
  }
  return std::move(*result);
}

sim::World MakeWorld() {
  SystemEntropy entropy;
  return Must(sim::World::Create(entropy, kNow));
}

crypto::Certificate MakeRoot(const crypto::PrivateKey& key) {
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", "fake coordinator"}};
  spec.not_before = kNow + -1000;
  spec.not_after = kNow + 1'000'000;
  spec.dns_names = {"localhost"};
  spec.basic_constraints = crypto::BasicConstraints{.is_ca = true, .path_length = std::nullopt};
  return Must(crypto::SelfSign(spec, key));
}

crypto::CertificateSpec LeafSpec(const std::string& name) {
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", name}};
  spec.not_before = kNow + -1000;
  spec.not_after = kNow + 100'000;
  spec.dns_names = {"localhost"};
  return spec;
}

sim::EnclaveIdentity Enclave(std::uint8_t mark, std::uint16_t product) {
  sim::EnclaveIdentity out;
  out.mrenclave = Must(attest::MrEnclave::From(Bytes(32, mark)));
  out.mrsigner = Must(attest::MrSigner::From(Bytes(32, 0x55)));
  out.isv_prod_id = product;
  out.isv_svn = 2;
  return out;
}

}  // namespace

const sim::World& TestWorld() {
  static const sim::World world = MakeWorld();
  return world;
}

const sim::World& ForeignWorld() {
  static const sim::World world = MakeWorld();
  return world;
}

sim::EnclaveIdentity CoordinatorEnclave() { return Enclave(0xc0, 3); }
sim::EnclaveIdentity WorkloadEnclave() { return Enclave(0xa0, 7); }

Result<Bytes> SimEvidence::Quote(tee::ReportDataView report_data) {
  if (failure) return std::unexpected(*failure);
  if (replay) return *replay;
  ASSIGN_OR_RETURN(const sim::Platform* platform, TestWorld().FindPlatform("up-to-date"));
  ASSIGN_OR_RETURN(const attest::ReportData data, attest::ReportData::From(report_data));
  ASSIGN_OR_RETURN(last, sim::IssueQuote(TestWorld(), *platform, WorkloadEnclave(), data));
  return last;
}

Result<SecretBytes> SimEvidence::SealingKey(tee::SealPolicy) {
  return Unsupported("no sealing here");
}

std::unique_ptr<FakeCoordinator> FakeCoordinator::Start(Behaviour behaviour, std::uint16_t port) {
  crypto::PrivateKey key = Must(crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  crypto::Certificate root = MakeRoot(key);
  const bool own_key = behaviour.separate_mesh_key || behaviour.stranger_mesh_key;
  crypto::PrivateKey mesh_key =
      own_key ? Must(crypto::PrivateKey::Generate(crypto::KeyType::kP256)) : key;
  const crypto::Certificate shown = own_key ? MakeRoot(mesh_key) : root;
  net::TlsServerOptions tls{
      .credentials = Must(net::Credentials::FromDer({ToBytes(shown.der())}, mesh_key.Pkcs8Der())),
      .client_certificate = net::ClientCertificate::kRequired,
      .exporter_labels = {std::string(ratls::kExporterLabel)}};
  std::unique_ptr<FakeCoordinator> out(new FakeCoordinator(std::move(behaviour), std::move(key),
                                                           std::move(root), std::move(mesh_key)));
  auto service = std::make_shared<net::GrpcService>();
  FakeCoordinator* self = out.get();
  service->Handle(
      "/strongroom.v1.Coordinator/Attest",
      [self](const net::GrpcCall& call, ByteView message) { return self->Attest(call, message); });
  service->Handle("/strongroom.v1.Coordinator/Challenge",
                  [self](const net::GrpcCall& call, ByteView) { return self->Challenge(call); });
  service->Handle("/strongroom.v1.Coordinator/Activate",
                  [self](const net::GrpcCall& call, ByteView message) {
                    return self->Activate(call, message);
                  });
  net::Listener listener;
  listener.address = "127.0.0.1:" + std::to_string(port);
  listener.tls = std::move(tls);
  listener.grpc_services = {service};
  net::ServerOptions options;
  options.listeners.push_back(std::move(listener));
  options.event_loops = 1;
  out->server_ = Must(net::Server::Start(std::move(options)));
  return out;
}

Counts FakeCoordinator::counts() const {
  return record_.With([](const Record& record) { return record.counts; });
}

Bytes FakeCoordinator::last_evidence() const {
  return record_.With([](const Record& record) { return record.evidence; });
}

v1::ActivateRequest FakeCoordinator::last_request() const {
  return record_.With([](const Record& record) { return record.request; });
}

Result<Bytes> FakeCoordinator::Attest(const net::GrpcCall& call, ByteView message) {
  record_.With([](Record& record) { ++record.counts.attests; });
  if (behaviour_.on_attest) behaviour_.on_attest();
  if (behaviour_.refuse_attest) return std::unexpected(*behaviour_.refuse_attest);
  v1::AttestRequest request;
  if (!request.ParseFromArray(message.data(), static_cast<int>(message.size())))
    return Malformed("request");
  ASSIGN_OR_RETURN(const Bytes exporter, call.connection->tls.Exporter(ratls::kExporterLabel));
  const Bytes nonce = behaviour_.ignore_nonce ? Bytes(32, 1) : ToBytes(request.nonce());
  const crypto::PrivateKey other = Must(crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  const crypto::PrivateKey& key = behaviour_.other_server_key ? other : mesh_key_;
  ASSIGN_OR_RETURN(const attest::ReportData data,
                   ratls::CoordinatorReportData(nonce, key.public_key().SpkiDer(), exporter));
  ASSIGN_OR_RETURN(const sim::Platform* platform,
                   behaviour_.world->FindPlatform(behaviour_.platform));
  Bytes evidence;
  if (behaviour_.replay_evidence) evidence = *behaviour_.replay_evidence;
  else {
    ASSIGN_OR_RETURN(evidence,
                     sim::IssueQuote(*behaviour_.world, *platform, behaviour_.enclave, data));
  }
  ASSIGN_OR_RETURN(const attest::Endorsements endorsements,
                   sim::Collateral(*behaviour_.world, behaviour_.collateral).For(*platform, kNow));
  record_.With([&](Record& record) { record.evidence = evidence; });

  v1::AttestResponse response;
  response.set_evidence(ToText(evidence));
  v1::Endorsements& out = *response.mutable_endorsements();
  out.set_root_ca_crl(ToText(endorsements.root_ca_crl));
  out.set_pck_crl(ToText(endorsements.pck_crl));
  out.set_pck_crl_issuer_chain(endorsements.pck_crl_issuer_chain);
  out.set_tcb_info(endorsements.tcb_info);
  out.set_tcb_info_issuer_chain(endorsements.tcb_info_issuer_chain);
  out.set_qe_identity(endorsements.qe_identity);
  out.set_qe_identity_issuer_chain(endorsements.qe_identity_issuer_chain);
  response.set_manifest_sha256(ToText(behaviour_.manifest_sha256));
  response.set_root_certificate_pem(root_.Pem());
  if (behaviour_.separate_mesh_key) {
    ASSIGN_OR_RETURN(const crypto::Certificate intermediate,
                     crypto::SignCertificate(LeafSpec("intermediate"), mesh_key_.public_key(),
                                             {root_, root_key_}));
    response.set_intermediate_certificate_pem(intermediate.Pem());
  }
  return ToBytes(response.SerializeAsString());
}

Result<Bytes> FakeCoordinator::Challenge(const net::GrpcCall& call) {
  SystemEntropy entropy;
  const Bytes nonce = entropy.Take(32);
  record_.With([&](Record& record) {
    ++record.counts.challenges;
    record.nonces.emplace(nonce, call.connection->id);
  });
  v1::ChallengeResponse response;
  response.set_nonce(ToText(nonce));
  return ToBytes(response.SerializeAsString());
}

Status FakeCoordinator::CheckActivation(const net::GrpcCall& call,
                                        const v1::ActivateRequest& request) {
  const bool fresh = record_.With([&](Record& record) {
    const auto nonce = record.nonces.find(ToBytes(request.nonce()));
    if (nonce == record.nonces.end() || nonce->second != call.connection->id) return false;
    record.nonces.erase(nonce);
    return true;
  });
  if (!fresh) return Untrusted("the nonce is not one of this connection");
  ASSIGN_OR_RETURN(const crypto::CertificateRequest csr,
                   crypto::CertificateRequest::FromDer(AsBytes(request.csr())));
  ASSIGN_OR_RETURN(const Bytes exporter, call.connection->tls.Exporter(ratls::kExporterLabel));
  ASSIGN_OR_RETURN(const sim::Platform* platform, TestWorld().FindPlatform("up-to-date"));
  ASSIGN_OR_RETURN(const attest::Endorsements endorsements,
                   sim::Collateral(TestWorld(), {}).For(*platform, kNow));
  attest::TrustAnchors anchors;
  anchors.Add(TestWorld().anchor());
  ASSIGN_OR_RETURN(
      const attest::VerifiedClaims claims,
      attest::VerifySgxEvidence(AsBytes(request.evidence()), endorsements, anchors, kNow)
          .ToResult());
  ASSIGN_OR_RETURN(
      const attest::ReportData data,
      ratls::ActivationReportData(AsBytes(request.nonce()), csr.public_key().SpkiDer(), exporter));
  return ExpectReportData(claims, data);
}

Result<Bytes> FakeCoordinator::Activate(const net::GrpcCall& call, ByteView message) {
  v1::ActivateRequest request;
  if (!request.ParseFromArray(message.data(), static_cast<int>(message.size())))
    return Malformed("request");
  bool first = true;
  record_.With([&](Record& record) {
    first = ++record.counts.activations == 1;
    record.request = request;
  });
  RETURN_IF_ERROR(CheckActivation(call, request));
  if (behaviour_.refuse) return std::unexpected(*behaviour_.refuse);
  ASSIGN_OR_RETURN(const crypto::CertificateRequest csr,
                   crypto::CertificateRequest::FromDer(AsBytes(request.csr())));
  const crypto::PrivateKey other = Must(crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ASSIGN_OR_RETURN(
      const crypto::Certificate leaf,
      crypto::SignCertificate(LeafSpec(request.uuid()),
                              behaviour_.certify_other_key ? other.public_key() : csr.public_key(),
                              {root_, root_key_}));
  v1::ActivateResponse response =
      first || !behaviour_.later_answer ? behaviour_.answer : *behaviour_.later_answer;
  response.set_certificate_chain_pem(leaf.Pem() + root_.Pem());
  response.set_marble_root_pem(root_.Pem());
  response.set_root_certificate_pem(root_.Pem());
  return ToBytes(response.SerializeAsString());
}

CoordinatorExpectation ExpectedByIdentity() {
  CoordinatorExpectation out;
  out.by_identity = true;
  out.policy.mrenclave = CoordinatorEnclave().mrenclave;
  out.anchors = attest::TrustAnchors::Intel().Add(TestWorld().anchor());
  return out;
}

}  // namespace strongroom::agent::testing
