// A workload that takes its place in the mesh like any other, and writes down every message that it
// sent: what a recording would hold if the host could look into the connection. It is a program of
// its own, with a measurement and a marble of its own; strongroom-agent can do nothing of the kind.
//
// usage: activation-recorder MARBLE FILE   (in a TEE; EDG_MARBLE_COORDINATOR_ADDR says where)
//
// FILE gets a line "METHOD BASE64" for each message, in the order in which they were sent. At the
// end the activation is sent once more on its own connection, which must be refused.
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/entropy.h"
#include "base/files.h"
#include "crypto/csr.h"
#include "net/grpc_client.h"
#include "ratls/activation_binding.h"
#include "strongroom/v1/coordinator.pb.h"
#include "tee/detect.h"

namespace strongroom {
namespace {

constexpr std::string_view kService = "/strongroom.v1.Coordinator/";

// One connection, and what was said on it from this end.
class Recording {
 public:
  static Result<Recording> Open(const std::string& address) {
    // Whom it talks to is no question here: it has nothing to lose.
    net::TlsClientOptions tls{.trust = net::TrustCheck{[](auto, const auto&) { return Status(); }},
                              .minimum = net::TlsVersion::kTls13,
                              .exporter_labels = {std::string(ratls::kExporterLabel)}};
    ASSIGN_OR_RETURN(auto channel,
                     net::GrpcChannel::Connect({.address = address, .tls = std::move(tls)}));
    return Recording(std::move(channel));
  }

  template <class Response, class Request>
  Result<Response> Call(std::string_view method, const Request& request) {
    const std::string bytes = request.SerializeAsString();
    text_ += fmt::format("{} {}\n", method, Base64Encode(AsBytes(bytes)));
    ASSIGN_OR_RETURN(const Bytes reply,
                     channel_->Call(fmt::format("{}{}", kService, method), AsBytes(bytes)));
    Response out;
    if (!out.ParseFromArray(reply.data(), static_cast<int>(reply.size())))
      return Malformed(fmt::format("the answer to {} is no message", method));
    return out;
  }
  Result<Bytes> Exporter() const {
    return channel_->connection().tls.Exporter(ratls::kExporterLabel);
  }
  const std::string& text() const { return text_; }

 private:
  explicit Recording(std::unique_ptr<net::GrpcChannel> channel) : channel_(std::move(channel)) {}
  std::unique_ptr<net::GrpcChannel> channel_;
  std::string text_;
};

Result<v1::ActivateRequest> MakeRequest(Recording& recording, const std::string& marble,
                                        const std::string& nonce) {
  ASSIGN_OR_RETURN(const auto source, tee::DetectEvidenceSource());
  ASSIGN_OR_RETURN(const auto key, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ASSIGN_OR_RETURN(const auto csr, crypto::CertificateRequest::Make({}, key));
  ASSIGN_OR_RETURN(const Bytes exporter, recording.Exporter());
  ASSIGN_OR_RETURN(
      const auto report_data,
      ratls::ActivationReportData(AsBytes(nonce), key.public_key().SpkiDer(), exporter));
  ASSIGN_OR_RETURN(const Bytes quote, source->Quote(report_data.array()));
  v1::ActivateRequest out;
  out.set_marble(marble);
  out.set_uuid("123e4567-e89b-12d3-a456-426614174000");
  out.set_csr(ToText(csr.der()));
  out.set_nonce(nonce);
  out.set_evidence(ToText(quote));
  return out;
}

Status Run(const std::string& marble, const std::string& file) {
  const std::string address =
      ProcessEnvironment("EDG_MARBLE_COORDINATOR_ADDR").value_or("localhost:2001");
  ASSIGN_OR_RETURN(Recording recording, Recording::Open(address));
  v1::AttestRequest attest;
  SystemEntropy entropy;
  attest.set_nonce(ToText(entropy.Take(ratls::kNonceBytes)));
  RETURN_IF_ERROR(recording.Call<v1::AttestResponse>("Attest", attest));
  ASSIGN_OR_RETURN(const auto challenge,
                   recording.Call<v1::ChallengeResponse>("Challenge", v1::ChallengeRequest()));
  ASSIGN_OR_RETURN(const auto request, MakeRequest(recording, marble, challenge.nonce()));
  ASSIGN_OR_RETURN(const auto grant, recording.Call<v1::ActivateResponse>("Activate", request));
  RETURN_IF_ERROR(WriteFileAtomic(file, AsBytes(recording.text()), 0600));
  fmt::print("activated as {}: a certificate of {} bytes and {} secrets in variables\n", marble,
             grant.certificate_chain_pem().size(), grant.parameters().env_size());
  const auto again = recording.Call<v1::ActivateResponse>("Activate", request);
  if (again.has_value()) return Internal("the same activation was granted twice");
  fmt::print("the same again on its own connection: {}\n", again.error().ToString());
  return {};
}

}  // namespace
}  // namespace strongroom

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: activation-recorder MARBLE FILE\n");
    return 2;
  }
  const strongroom::Status status = strongroom::Run(argv[1], argv[2]);
  if (status.has_value()) return 0;
  fmt::print(stderr, "activation-recorder: {}\n", status.error().ToString());
  return 1;
}
