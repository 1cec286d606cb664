#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "coordinator/core/coordinator.h"
#include "coordinator/core/records.h"
#include "manifest/access.h"

// Secrets that users read and write.
namespace strongroom::coordinator {
namespace {

Result<std::string> Authenticate(const Deployment& deployment, ByteView certificate) {
  const auto user = manifest::FindUser(deployment.manifest, certificate);
  if (!user) return Untrusted("the certificate is none of the manifest's users");
  return std::string(*user);
}

Status ExpectManifest(const Deployment& deployment,
                      const std::optional<manifest::Sha256Digest>& expected) {
  if (!expected || *expected == deployment.fingerprint) return {};
  return Conflict(fmt::format("the manifest in force has fingerprint {}, the secret is for {}",
                              HexEncode(deployment.fingerprint.view()),
                              HexEncode(expected->view())));
}

}  // namespace

Result<std::vector<NamedSecret>> Coordinator::GetSecrets(ByteView user_certificate,
                                                         const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(const Snapshot now, Active());
  ASSIGN_OR_RETURN(const std::string user, Authenticate(*now.deployment, user_certificate));
  std::vector<NamedSecret> out;
  Commit commit;
  for (const std::string& name : names) {
    RETURN_IF_ERROR(
        manifest::Authorize(now.deployment->manifest, user, manifest::Action::kReadSecret, name));
    const auto found = now.secrets->find(name);
    if (found == now.secrets->end() || !IsSet(*found->second))
      return Precondition(fmt::format("secret \"{}\" was not set yet", name));
    out.emplace_back(name, found->second);
    commit.events.push_back({"secret-read", {{"user", user}, {"secret", name}}});
  }
  RETURN_IF_ERROR(journal_.Write(std::move(commit)));
  return out;
}

Status Coordinator::SetSecrets(ByteView user_certificate,
                               const manifest::ByName<SecretUpload>& uploads,
                               const std::optional<manifest::Sha256Digest>& expected) {
  ASSIGN_OR_RETURN(const Snapshot now, Active());
  ASSIGN_OR_RETURN(const std::string user, Authenticate(*now.deployment, user_certificate));
  RETURN_IF_ERROR(ExpectManifest(*now.deployment, expected));
  SecretTable fresh;
  Commit commit;
  for (const auto& [name, upload] : uploads) {
    RETURN_IF_ERROR(
        manifest::Authorize(now.deployment->manifest, user, manifest::Action::kWriteSecret, name));
    auto value = TakeUpload(now.deployment->manifest.secrets.at(name), upload);
    if (!value.has_value())
      return std::unexpected(value.error().In(fmt::format("secret \"{}\"", name)));
    commit.records.push_back(EncodeSecret(name, *value));
    // An upload that names no manifest is MarbleRun's way; the log tells it apart.
    commit.events.push_back(
        {"secret-set",
         {{"user", user}, {"secret", name}, {"manifest-named", expected ? "yes" : "no"}}});
    fresh.emplace(name, std::make_shared<const manifest::SecretValue>(std::move(*value)));
  }
  SecretTable merged = fresh;
  merged.insert(now.secrets->begin(), now.secrets->end());
  RETURN_IF_ERROR(RehearseTemplates(*now.deployment, merged));
  commit.publish = [&] {
    world_.With([&](World& world) {
      auto table = std::make_shared<SecretTable>(*world.secrets);
      for (auto& [name, value] : fresh) table->insert_or_assign(name, std::move(value));
      world.secrets = std::move(table);
    });
  };
  RETURN_IF_ERROR(journal_.Write(std::move(commit)));
  for (const auto& [name, upload] : uploads)
    parts_.log.Info("secret set", {{"user", user}, {"secret", name}});
  return {};
}

}  // namespace strongroom::coordinator
