#include <utility>

#include "coordinator/api/mesh_api.h"
#include "coordinator/api/messages.h"
#include "crypto/csr.h"
#include "marblerun.pb.h"
#include "ratls/activation_binding.h"

// MarbleRun's dialect: weaker (no nonce, bound to a certificate and not to a connection), so only
// for marbles whose manifest entry allows it.
namespace strongroom::coordinator {
namespace {

// MarbleRun's codes: each stage of an activation has one.
Error InDialect(const Error& error) {
  if (error.finding() == kFindingState) return Error(Code::kPrecondition, error.message());
  if (error.finding() == kFindingUuid) return Error(Code::kMalformed, error.message());
  if (error.finding() == kFindingGrant) return Error(Code::kInternal, error.message());
  return Error(Code::kDenied, error.message());
}

std::string TextOf(const SecretBytes& pem) { return ToText(pem.Reveal()); }

// What MarbleRun's runtime expects in every environment.
void AddPredefined(const ActivationGrant& grant, const Hierarchy& authorities,
                   google::protobuf::Map<std::string, std::string>& env) {
  env["MARBLE_PREDEFINED_ROOT_CA"] = authorities.marble_root.Pem();
  env["MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN"] =
      crypto::ChainToPem({grant.leaf, authorities.intermediate});
  env["MARBLE_PREDEFINED_PRIVATE_KEY"] = TextOf(grant.leaf_key->Pkcs8Pem());
  env["MARBLE_PREDEFINED_COORDINATOR_ROOT_CA"] = authorities.root.Pem();
}

// State, then certificate, then the rest: MarbleRun's order.
Result<Bytes> Activate(Coordinator& core, const net::GrpcCall& call, ByteView message) {
  ASSIGN_OR_RETURN(const rpc::ActivationReq request, ParseMessage<rpc::ActivationReq>(message));
  if (const auto deployment = core.deployment(); !deployment.has_value())
    return std::unexpected(deployment.error());
  const Bytes* certificate = call.connection->peer_certificate();
  if (certificate == nullptr)
    return Untrusted(
        "the connection has no client certificate, wanted the one that is in the quote");
  const auto quote = ratls::UnwrapIfOpenEnclave(AsBytes(request.quote()));
  if (!quote.has_value()) return Denied("Quote: " + quote.error().message());
  const ActivationRequest wanted{.dialect = manifest::Dialect::kMarbleRun,
                                 .marble = request.marbletype(),
                                 .uuid = request.uuid(),
                                 .quote = ToBytes(*quote),
                                 .report_data = ratls::MarbleRunReportData(*certificate),
                                 .challenge = std::nullopt,
                                 .key = std::nullopt};
  const auto grant = core.Activate(wanted);
  if (!grant.has_value()) return std::unexpected(InDialect(grant.error()));
  // The CSR is not read: names come from the manifest, and the key is made here.
  rpc::ActivationResp out;
  rpc::Parameters& parameters = *out.mutable_parameters();
  FillParameters(grant->parameters, grant->argv, *parameters.mutable_files(),
                 *parameters.mutable_env(), *parameters.mutable_argv());
  AddPredefined(*grant, core.authorities(), *parameters.mutable_env());
  return SerializeMessage(out);
}

}  // namespace

std::shared_ptr<const net::GrpcService> MakeMarbleRunService(Coordinator& core) {
  auto out = std::make_shared<net::GrpcService>();
  out->Handle("/rpc.Marble/Activate",
              [&core](const net::GrpcCall& call, ByteView message) {
                return Activate(core, call, message);
              },
              {.max_message_bytes = kMaxActivationMessageBytes});
  return out;
}

}  // namespace strongroom::coordinator
