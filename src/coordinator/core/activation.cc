#include "coordinator/core/activation.h"

#include <utility>

#include <fmt/format.h>

#include "manifest/access.h"

namespace strongroom::coordinator {
namespace {

// `key` is the certificate's: taking it out of the certificate anew costs as much as a signature.
manifest::SecretValue PublicValue(const crypto::Certificate& certificate,
                                  const crypto::PublicKey& key) {
  return {.definition = {.type = manifest::SecretType::kCertEcdsa},
          .certificate = ToBytes(certificate.der()),
          .public_part = SecretBytes(ByteView(key.SpkiDer())),
          .private_part = {}};
}

// The key to certify: the workload's own, or in MarbleRun's dialect a fresh one.
struct LeafKey {
  crypto::PublicKey public_key;
  std::optional<crypto::PrivateKey> private_key;
};

Result<LeafKey> KeyToCertify(const ActivationRequest& request) {
  if (request.dialect == manifest::Dialect::kStrongroom) {
    if (!request.key) return Malformed("the request names no key to certify");
    return LeafKey{*request.key, std::nullopt};
  }
  ASSIGN_OR_RETURN(const crypto::PrivateKey made,
                   crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  return LeafKey{made.public_key(), made};
}

// What ran in the rehearsal and fails for a marble wants a secret that nobody has uploaded.
Error NotYet(const Error& error) {
  if (error.code() != Code::kMalformed) return error;
  return Error(Code::kPrecondition, error.message());
}

}  // namespace

// The common values and those of this instance.
Result<SecretTable> GrantMaker::Values(const MarblePlan& plan,
                                       const MarbleInstance& instance) const {
  SecretTable out = secrets_;
  for (const std::string& name : plan.own_secrets) {
    const manifest::Secret& secret = deployment_.manifest.secrets.at(name);
    auto value =
        secret.type == manifest::SecretType::kSymmetricKey
            ? DeriveSymmetricSecret(secret, name, instance, deployment_.root_secret.Reveal())
            : MakeCertificateSecret(secret, authorities_, now_);
    if (!value.has_value()) return std::unexpected(value.error().In("Secrets." + name));
    out.emplace(name, std::make_shared<const manifest::SecretValue>(std::move(*value)));
  }
  return out;
}

Result<std::vector<ModelGrant>> GrantMaker::Models(const manifest::Marble& marble) const {
  std::vector<ModelGrant> out;
  for (const std::string& name : marble.models) {
    const manifest::Model& model = deployment_.manifest.models.at(name);
    const auto key = secrets_.find(model.key);
    if (key == secrets_.end() || !IsSet(*key->second)) {
      return Precondition(fmt::format(
          "the key of model \"{}\" (secret \"{}\") was not uploaded yet", name, model.key));
    }
    ModelGrant grant{.name = name,
                     .key = key->second->private_part.Clone(),
                     .embedded_prefix = model.embedded_prefix,
                     .files = model.files,
                     .client_certificates = {}};
    for (const ByteView certificate :
         manifest::ModelClientCertificates(deployment_.manifest, model))
      grant.client_certificates.push_back(ToBytes(certificate));
    out.push_back(std::move(grant));
  }
  return out;
}

Result<ActivationGrant> GrantMaker::Make(const ActivationRequest& request, const std::string& uuid,
                                         const attest::VerifiedClaims& claims) const {
  const manifest::Marble& marble = deployment_.manifest.marbles.at(request.marble);
  const MarblePlan& plan = deployment_.plans.at(request.marble);
  ASSIGN_OR_RETURN(const LeafKey key, KeyToCertify(request));
  const LeafSpec spec{
      .uuid = uuid, .marble = request.marble, .names = plan.names, .anchor = claims.anchor()};
  ASSIGN_OR_RETURN(crypto::Certificate leaf, IssueLeaf(spec, key.public_key, authorities_, now_));
  ASSIGN_OR_RETURN(SecretTable secrets,
                   Values(plan, {request.marble, uuid, marble.disable_secret_binding}));
  const crypto::PublicKey& root_key = authorities_.root_key.public_key();
  const crypto::PublicKey& mesh_key = authorities_.mesh_key.public_key();
  TemplateValues values{
      .values = std::move(secrets),
      .root_ca = PublicValue(authorities_.marble_root, mesh_key),
      .marble_cert = PublicValue(leaf, key.public_key),
      .coordinator_root = PublicValue(authorities_.root, root_key),
      .coordinator_intermediate = PublicValue(authorities_.intermediate, mesh_key)};
  if (key.private_key) values.marble_cert.private_part = key.private_key->Pkcs8Der();
  auto parameters = plan.templates.Execute(values.Data(), request.dialect);
  if (!parameters.has_value()) return std::unexpected(NotYet(parameters.error()));
  ASSIGN_OR_RETURN(std::vector<ModelGrant> models, Models(marble));
  return ActivationGrant{.uuid = uuid,
                         .parameters = *std::move(parameters),
                         .argv = marble.argv,
                         .leaf = std::move(leaf),
                         .leaf_key = key.private_key,
                         .models = std::move(models),
                         .marblerun_style = marble.activation == manifest::Dialect::kMarbleRun};
}

}  // namespace strongroom::coordinator
