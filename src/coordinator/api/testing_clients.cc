#include "coordinator/api/testing_clients.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "coordinator/api/messages.h"
#include "crypto/csr.h"
#include "marblerun.pb.h"
#include "ratls/activation_binding.h"
#include "strongroom/v1/coordinator.pb.h"

namespace strongroom::coordinator::testing {
namespace {

template <class T>
T Must(Result<T> result) {
  if (result.has_value()) return std::move(result).value();
  fmt::print(stderr, "served stage: {}\n", result.error().ToString());
  std::abort();
}

std::shared_ptr<const net::Credentials> CredentialsOf(const TestUser* user) {
  if (user == nullptr) return nullptr;
  return std::make_shared<const net::Credentials>(
      Must(net::Credentials::FromDer({ToBytes(user->certificate.der())}, user->key.Pkcs8Der())));
}

}  // namespace

ServedStage::ServedStage(net::Limits limits)
    : log_(Log::ToFd("test", LogLevel::kError, LogFormat::kText, STDERR_FILENO)) {
  front_ends_ = Must(FrontEnds::Start(stage.core(),
                                      {.client_address = "127.0.0.1:0",
                                       .mesh_address = "127.0.0.1:0",
                                       .metrics_address = "127.0.0.1:0",
                                       .limits = limits},
                                      *log_, metrics_));
}

std::unique_ptr<net::HttpsClient> ServedStage::Client(const TestUser* user) const {
  const Bytes root = ToBytes(stage.core().authorities().root.der());
  return std::make_unique<net::HttpsClient>(
      net::HttpsClientOptions{.tls = net::TlsClientOptions{.trust = net::TrustPinned{root},
                                                           .credentials = CredentialsOf(user)}});
}

std::string ServedStage::Url(const std::string& path) const {
  return fmt::format("https://127.0.0.1:{}{}", front_ends_->client_port(), path);
}

net::ClientResponse ServedStage::Get(net::HttpsClient& client, const std::string& path) const {
  return Must(client.Get(Url(path)));
}

net::ClientResponse ServedStage::Post(net::HttpsClient& client, const std::string& path,
                                      const std::string& body) const {
  return Must(client.Post(Url(path), "application/json", AsBytes(body)));
}

std::unique_ptr<net::GrpcChannel> ServedStage::Channel(const TestUser* user,
                                                       net::TlsVersion minimum) const {
  const Bytes root = ToBytes(stage.core().authorities().marble_root.der());
  return Must(net::GrpcChannel::Connect(
      {.address = fmt::format("127.0.0.1:{}", front_ends_->mesh_port()),
       .tls = net::TlsClientOptions{.trust = net::TrustPinned{root},
                                    .credentials = CredentialsOf(user),
                                    .minimum = minimum,
                                    .exporter_labels = {std::string(ratls::kExporterLabel)}}}));
}

Result<Bytes> MakeActivateMessage(net::GrpcChannel& channel, SimIssuer& server,
                                  const std::string& marble, const crypto::PrivateKey& key) {
  ASSIGN_OR_RETURN(const Bytes challenge,
                   channel.Call("/strongroom.v1.Coordinator/Challenge", Bytes()));
  ASSIGN_OR_RETURN(const v1::ChallengeResponse nonce,
                   ParseMessage<v1::ChallengeResponse>(challenge));
  ASSIGN_OR_RETURN(const Bytes exporter, channel.connection().tls.Exporter(ratls::kExporterLabel));
  ASSIGN_OR_RETURN(
      const attest::ReportData report_data,
      ratls::ActivationReportData(AsBytes(nonce.nonce()), key.public_key().SpkiDer(), exporter));
  ASSIGN_OR_RETURN(const Bytes quote, server.Quote(report_data));
  ASSIGN_OR_RETURN(const crypto::CertificateRequest csr, crypto::CertificateRequest::Make({}, key));
  v1::ActivateRequest out;
  out.set_marble(marble);
  out.set_uuid(kTestUuid);
  out.set_csr(ToText(csr.der()));
  out.set_nonce(nonce.nonce());
  out.set_evidence(ToText(quote));
  return SerializeMessage(out);
}

Result<Bytes> MakeMarbleRunMessage(SimIssuer& server, const std::string& marble,
                                   const TestUser& user, const std::string& uuid) {
  ASSIGN_OR_RETURN(const Bytes quote,
                   server.Quote(ratls::MarbleRunReportData(user.certificate.der())));
  rpc::ActivationReq out;
  out.set_quote(ToText(ratls::WrapOpenEnclave(quote)));
  out.set_marbletype(marble);
  out.set_uuid(uuid);
  return SerializeMessage(out);
}

Result<JsonDocument> ParseAnswer(const net::ClientResponse& response) {
  if (response.status != 200)
    return Internal(fmt::format("status {}: {}", response.status, AsText(response.body)));
  return JsonDocument::Parse(AsText(response.body), {.max_bytes = 1 << 24});
}

}  // namespace strongroom::coordinator::testing
