#include "handover.h"

#include <fcntl.h>
#include <strongroom/v1/handover.pb.h>
#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include "base/files.h"
#include "base/secret_message.h"
#include "crypto/pem.h"
#include "crypto/x509.h"

namespace strongroom::modelserver {
namespace {

constexpr std::size_t kMaxChain = 8;

Result<UniqueFd> HandoverFd() {
  const char* text = std::getenv(kHandoverVariable);
  if (text == nullptr) {
    return Precondition(fmt::format(
        "{} is not set: this program is started by strongroom-agent run", kHandoverVariable));
  }
  char* end = nullptr;
  const long number = std::strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || number < 3 || number > 1 << 20 ||
      fcntl(static_cast<int>(number), F_GETFD) < 0) {
    return Malformed(
        fmt::format("{} is \"{:.20}\", wanted an open descriptor", kHandoverVariable, text));
  }
  unsetenv(kHandoverVariable);
  return UniqueFd(static_cast<int>(number));
}

// Overwrites the secrets inside a message when its reader is done.
class WipedMessage {
 public:
  ~WipedMessage() {
    Wipe(*message.mutable_private_key_pkcs8());
    for (auto& model : *message.mutable_models()) Wipe(*model.mutable_key());
  }
  v1::Handover message;
};

Result<net::Credentials> CredentialsOf(const v1::Handover& message) {
  ASSIGN_OR_RETURN(const auto blocks,
                   crypto::DecodePem(message.certificate_chain_pem(), kMaxChain));
  std::vector<Bytes> chain;
  for (const crypto::PemBlock& block : blocks) {
    if (block.label != "CERTIFICATE") return Malformed("certificate chain holds something else");
    chain.push_back(block.content);
  }
  return net::Credentials::FromDer(chain, SecretBytes(AsBytes(message.private_key_pkcs8())));
}

using Models = std::map<std::string, serving::models::ModelTrust>;

Status AddModel(const v1::Model& model, Models& models, serving::ModelClients& all_clients) {
  if (model.name().empty()) return Malformed("handover has a model without a name");
  if (models.contains(model.name()))
    return Malformed(fmt::format("handover has model {} twice", model.name()));
  ASSIGN_OR_RETURN(pfs::WrapKey key, In(fmt::format("key of model {}", model.name()),
                                        pfs::WrapKey::From(SecretBytes(AsBytes(model.key())))));
  serving::models::ModelTrust trust{
      .key = std::move(key), .embedded_prefix = model.embedded_prefix(), .files = {}};
  for (const auto& [name, digest] : model.files()) trust.files.emplace(name, ToBytes(digest));
  auto& clients = all_clients[model.name()];
  for (const std::string& der : model.client_certificates()) {
    ASSIGN_OR_RETURN(const crypto::Certificate certificate,
                     In(fmt::format("client of model {}", model.name()),
                        crypto::Certificate::FromDer(AsBytes(der))));
    clients.push_back(
        {ToBytes(der), certificate.fields().not_before, certificate.fields().not_after});
  }
  models.emplace(model.name(), std::move(trust));
  return {};
}

}  // namespace

Result<Handover> ParseHandover(ByteView bytes) {
  WipedMessage wiped;
  const v1::Handover& message = wiped.message;
  if (!wiped.message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Malformed("handover does not parse");
  }
  if (message.models().empty()) return Malformed("handover names no model, wanted at least one");
  Models models;
  serving::ModelClients clients;
  for (const v1::Model& model : message.models()) RETURN_IF_ERROR(AddModel(model, models, clients));
  ASSIGN_OR_RETURN(net::Credentials credentials, In("handover", CredentialsOf(message)));
  return Handover{.credentials = std::move(credentials),
                  .models = std::move(models),
                  .clients = std::move(clients)};
}

Result<Handover> ReadHandover() {
  ASSIGN_OR_RETURN(const UniqueFd fd, HandoverFd());
  ASSIGN_OR_RETURN(const SecretBytes bytes, In("handover", ReadFramedSecret(fd.get())));
  return ParseHandover(bytes.Reveal());
}

}  // namespace strongroom::modelserver
