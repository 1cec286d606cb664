#include "coordinator/api/mesh_api.h"

#include <utility>

#include "coordinator/api/messages.h"
#include "crypto/csr.h"
#include "ratls/activation_binding.h"
#include "strongroom/v1/coordinator.pb.h"

namespace strongroom::coordinator {
namespace {

Result<Bytes> ExporterOf(const net::GrpcCall& call) {
  return In("this call needs TLS 1.3", call.connection->tls.Exporter(ratls::kExporterLabel));
}

void Fill(const attest::Endorsements& from, v1::Endorsements& to) {
  to.set_root_ca_crl(ToText(from.root_ca_crl));
  to.set_pck_crl(ToText(from.pck_crl));
  to.set_pck_crl_issuer_chain(from.pck_crl_issuer_chain);
  to.set_tcb_info(from.tcb_info);
  to.set_tcb_info_issuer_chain(from.tcb_info_issuer_chain);
  to.set_qe_identity(from.qe_identity);
  to.set_qe_identity_issuer_chain(from.qe_identity_issuer_chain);
}

// The message holds the key for the length of the call; protobuf's strings are not wiped.
void Fill(const ModelGrant& from, v1::Model& to) {
  to.set_name(from.name);
  to.set_key(ToText(from.key.Reveal()));
  to.set_embedded_prefix(from.embedded_prefix);
  for (const auto& [file, digest] : from.files) (*to.mutable_files())[file] = ToText(digest.view());
  for (const Bytes& certificate : from.client_certificates)
    to.add_client_certificates(ToText(certificate));
}

Result<Bytes> Attest(Coordinator& core, const net::GrpcCall& call, ByteView message) {
  ASSIGN_OR_RETURN(const v1::AttestRequest request, ParseMessage<v1::AttestRequest>(message));
  ASSIGN_OR_RETURN(const Bytes exporter, ExporterOf(call));
  // The mesh listener shows the marble root.
  ASSIGN_OR_RETURN(
      const attest::ReportData report_data,
      ratls::CoordinatorReportData(AsBytes(request.nonce()),
                                   core.authorities().mesh_key.public_key().SpkiDer(), exporter));
  ASSIGN_OR_RETURN(const ProvenEvidence evidence, core.Prove(report_data));
  v1::AttestResponse out;
  out.set_evidence(ToText(evidence.quote));
  Fill(*evidence.endorsements, *out.mutable_endorsements());
  if (const auto deployment = core.deployment(); deployment.has_value())
    out.set_manifest_sha256(ToText((*deployment)->fingerprint.view()));
  out.set_root_certificate_pem(core.authorities().root.Pem());
  out.set_intermediate_certificate_pem(core.authorities().intermediate.Pem());
  return SerializeMessage(out);
}

Result<Bytes> Challenge(Coordinator& core, const net::GrpcCall& call, ByteView message) {
  RETURN_IF_ERROR(ParseMessage<v1::ChallengeRequest>(message));
  ASSIGN_OR_RETURN(const Bytes nonce, core.Challenge(call.connection->id));
  // It may have closed, and been forgotten, before the nonce was there to be freed.
  if (call.connection->closed.cancelled()) core.ForgetConnection(call.connection->id);
  v1::ChallengeResponse out;
  out.set_nonce(ToText(nonce));
  return SerializeMessage(out);
}

Result<ActivationRequest> RequestOf(const net::GrpcCall& call, const v1::ActivateRequest& message) {
  ASSIGN_OR_RETURN(const Bytes exporter, ExporterOf(call));
  ASSIGN_OR_RETURN(const crypto::CertificateRequest csr,
                   In("csr", crypto::CertificateRequest::FromDer(AsBytes(message.csr()))));
  ASSIGN_OR_RETURN(
      const attest::ReportData report_data,
      ratls::ActivationReportData(AsBytes(message.nonce()), csr.public_key().SpkiDer(), exporter));
  return ActivationRequest{
      .dialect = manifest::Dialect::kStrongroom,
      .marble = message.marble(),
      .uuid = message.uuid(),
      .quote = ToBytes(message.evidence()),
      .report_data = report_data,
      .challenge = ChallengeAnswer{call.connection->id, ToBytes(message.nonce())},
      .key = csr.public_key()};
}

Result<Bytes> Activate(Coordinator& core, const net::GrpcCall& call, ByteView message) {
  ASSIGN_OR_RETURN(const v1::ActivateRequest request, ParseMessage<v1::ActivateRequest>(message));
  ASSIGN_OR_RETURN(const ActivationRequest wanted, RequestOf(call, request));
  ASSIGN_OR_RETURN(const ActivationGrant grant, core.Activate(wanted));
  v1::ActivateResponse out;
  FillParameters(grant.parameters, grant.argv, *out.mutable_parameters()->mutable_files(),
                 *out.mutable_parameters()->mutable_env(),
                 *out.mutable_parameters()->mutable_argv());
  const Hierarchy& authorities = core.authorities();
  out.set_certificate_chain_pem(crypto::ChainToPem({grant.leaf, authorities.intermediate}));
  out.set_marble_root_pem(authorities.marble_root.Pem());
  out.set_root_certificate_pem(authorities.root.Pem());
  for (const ModelGrant& model : grant.models) Fill(model, *out.add_models());
  out.set_marblerun_style(grant.marblerun_style);
  return SerializeMessage(out);
}

}  // namespace

std::shared_ptr<const net::GrpcService> MakeMeshService(Coordinator& core) {
  using Call = Result<Bytes> (*)(Coordinator&, const net::GrpcCall&, ByteView);
  auto out = std::make_shared<net::GrpcService>();
  const auto handle = [&](const char* method, Call handler,
                          net::RunOn run_on = net::RunOn::kWorkers) {
    out->Handle(method,
                [&core, handler](const net::GrpcCall& call, ByteView message) {
                  return handler(core, call, message);
                },
                {.run_on = run_on, .max_message_bytes = kMaxActivationMessageBytes});
  };
  handle("/strongroom.v1.Coordinator/Attest", Attest);
  // Neither waits nor calculates: handing it to a worker and back would cost more than it does.
  handle("/strongroom.v1.Coordinator/Challenge", Challenge, net::RunOn::kLoop);
  handle("/strongroom.v1.Coordinator/Activate", Activate);
  return out;
}

}  // namespace strongroom::coordinator
