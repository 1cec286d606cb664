#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "crypto/key.h"
#include "crypto/x509.h"
#include "manifest/access.h"
#include "manifest/checks.h"
#include "manifest/words.h"

// Users, roles, TLS tags, recovery keys and Config.
namespace strongroom::manifest::checks {
namespace {

void CheckResource(const Manifest& manifest, const Role& role, const std::string& name,
                   const std::string& path, Collector& at) {
  if (role.resource_type == "Packages") {
    if (!manifest.packages.contains(name))
      at.Problem("role.resource", path,
                 fmt::format("\"{}\" is not in Packages", name.substr(0, 80)));
    return;
  }
  if (role.resource_type == "Models") {
    if (!manifest.models.contains(name)) {
      at.Problem("role.resource", path, fmt::format("\"{}\" is not in Models", name.substr(0, 80)));
    }
    return;
  }
  const auto secret = manifest.secrets.find(name);
  if (secret == manifest.secrets.end()) {
    at.Problem("role.resource", path, fmt::format("\"{}\" is not in Secrets", name.substr(0, 80)));
    return;
  }
  for (const std::string& action : role.actions) {
    if (EqualInAnyCase(action, ActionName(Action::kWriteSecret)) && !secret->second.user_defined) {
      at.Problem("role.write", path,
                 fmt::format("\"{}\" is not UserDefined, so nobody can write it", name));
    }
    if (EqualInAnyCase(action, ActionName(Action::kReadSecret)) && !secret->second.user_defined &&
        !secret->second.shared) {
      at.Problem(
          "role.read", path,
          fmt::format("\"{}\" is neither Shared nor UserDefined, so nobody can read it", name));
    }
  }
}

std::vector<Action> ActionsOf(std::string_view resource_type) {
  if (resource_type == "Packages") return {Action::kUpdateSecurityVersion};
  if (resource_type == "Secrets") return {Action::kReadSecret, Action::kWriteSecret};
  if (resource_type == "Manifest") return {Action::kUpdateManifest};
  if (resource_type == "Models") return {Action::kInfer};
  return {};
}

void CheckActions(const Role& role, const std::string& path, Collector& at) {
  const std::vector<Action> known = ActionsOf(role.resource_type);
  for (const std::string& action : role.actions) {
    const bool ok = std::ranges::any_of(
        known, [&action](Action one) { return EqualInAnyCase(action, ActionName(one)); });
    if (!ok)
      at.Problem(
          "role.action", path,
          fmt::format("\"{}\" is no action on {}", action.substr(0, 80), role.resource_type));
  }
  if (role.resource_type == "Packages" || role.resource_type == "Manifest") {
    at.Note("role.update", path, "allows an update, which this version does not carry out");
  }
}

void CheckRole(const Manifest& manifest, const Role& role, const std::string& path, Collector& at) {
  // Ours: a role without resource is a group, for Clients of models.
  if (role.resource_type.empty() && role.resource_names.empty() && role.actions.empty()) return;
  if (ActionsOf(role.resource_type).empty()) {
    at.Problem("role.resource-type", path + ".ResourceType",
               fmt::format("is \"{}\", wanted Packages, Secrets, Manifest or Models",
                           role.resource_type.substr(0, 80)));
    return;
  }
  CheckActions(role, path + ".Actions", at);
  if (role.resource_type == "Manifest") {
    if (!role.resource_names.empty())
      at.Problem("role.resource", path + ".ResourceNames",
                 "is not empty, wanted none for Manifest");
    return;
  }
  for (const std::string& name : role.resource_names)
    CheckResource(manifest, role, name, path + ".ResourceNames", at);
}

void CheckTlsEntries(const Manifest& manifest, const TlsTag& tag, const std::string& path,
                     Collector& at) {
  for (const TlsEntry& entry : tag.outgoing) {
    if (entry.addr.empty() || entry.port.empty())
      at.Problem("tls.outgoing", path + ".Outgoing", "lacks Addr or Port");
  }
  for (const TlsEntry& entry : tag.incoming) {
    if (entry.port.empty()) at.Problem("tls.incoming", path + ".Incoming", "lacks Port");
    if (entry.cert.empty() == entry.disable_client_auth) {
      at.Problem("tls.incoming", path + ".Incoming",
                 "has only one of Cert and DisableClientAuth, wanted both or none");
    }
    if (!entry.cert.empty() && !manifest.secrets.contains(entry.cert)) {
      at.Problem("tls.incoming", path + ".Incoming",
                 fmt::format("\"{}\" is not in Secrets", entry.cert.substr(0, 80)));
    }
  }
}

void CheckRecovery(const Manifest& manifest, Collector& at) {
  for (const auto& [name, pem] : manifest.recovery_keys) {
    const std::string path = "RecoveryKeys." + name;
    const auto key = crypto::PublicKey::FromPem(pem);
    if (!key.has_value())
      at.Problem("recovery.key", path, "is no PEM of a public key: " + key.error().message());
    else if (key->type() != crypto::KeyType::kRsa)
      at.Problem("recovery.key", path,
                 fmt::format("is a {} key, wanted RSA", KeyTypeName(key->type())));
  }
  if (!manifest.recovery_keys.empty())
    at.Unsupported("recovery", "RecoveryKeys", "recovery is not carried out by this version");
  const std::uint64_t threshold = manifest.config.recovery_threshold;
  if (threshold == 1 || threshold > manifest.recovery_keys.size()) {
    at.Problem("config.recovery-threshold", "Config.RecoveryThreshold",
               fmt::format("is {}, wanted 0 or from 2 to the {} recovery key(s)", threshold,
                           manifest.recovery_keys.size()));
  }
}

bool MayUpdateManifest(const Manifest& manifest, const User& user) {
  return std::ranges::any_of(user.roles, [&manifest](const std::string& name) {
    const auto role = manifest.roles.find(name);
    return role != manifest.roles.end() && role->second.resource_type == "Manifest" &&
           std::ranges::any_of(role->second.actions, [](const std::string& action) {
             return EqualInAnyCase(action, ActionName(Action::kUpdateManifest));
           });
  });
}

}  // namespace

void CheckUsers(const Manifest& manifest, Collector& at) {
  std::map<Bytes, std::string> seen;
  for (const auto& [name, user] : manifest.users) {
    const std::string path = "Users." + name;
    const auto parsed = crypto::Certificate::FromDer(user.certificate_der);
    if (user.certificate_der.empty() || !parsed.has_value()) {
      at.Problem("user.certificate", path + ".Certificate", "is no PEM of exactly one certificate");
    } else if (const auto [other, fresh] = seen.emplace(user.certificate_der, name); !fresh) {
      at.Problem("user.certificate", path + ".Certificate",
                 fmt::format("is the same as that of {}", other->second));
    }
    for (const std::string& role : user.roles) {
      if (!manifest.roles.contains(role))
        at.Problem("user.role", path + ".Roles",
                   fmt::format("\"{}\" is not in Roles", role.substr(0, 80)));
    }
  }
}

void CheckInferRole(const Manifest& manifest, const std::string& name, const Role& role,
                    Collector& at) {
  for (const std::string& resource : role.resource_names) {
    const auto model = manifest.models.find(resource);
    if (model == manifest.models.end()) continue;  // a problem already
    const auto& clients = model->second.clients;
    if (std::ranges::find(clients, name) == clients.end()) {
      at.Note(
          "role.infer-unused", "Roles." + name,
          fmt::format("allows nothing on {} until Models.{}.Clients names it", resource, resource));
    }
  }
}

void CheckRoles(const Manifest& manifest, Collector& at) {
  for (const auto& [name, role] : manifest.roles) {
    CheckRole(manifest, role, "Roles." + name, at);
    if (role.resource_type == "Models") CheckInferRole(manifest, name, role, at);
  }
}

void CheckTls(const Manifest& manifest, Collector& at) {
  for (const auto& [name, tag] : manifest.tls) CheckTlsEntries(manifest, tag, "TLS." + name, at);
}

void CheckConfig(const Manifest& manifest, Collector& at) {
  const Config& config = manifest.config;
  if (config.seal_mode == SealMode::kDisabled)
    at.Note("config.seal-mode", "Config.SealMode",
            "stores nothing: a restart of the coordinator loses the manifest and all secrets");
  constexpr std::string_view gates[] = {"SignQuoteEndpoint", "MonotonicCounter", "AzureHSMSealing"};
  for (const std::string& gate : config.feature_gates) {
    const bool known = std::ranges::any_of(
        gates, [&gate](std::string_view one) { return EqualInAnyCase(gate, one); });
    if (!known)
      at.Problem("config.feature-gate", "Config.FeatureGates",
                 fmt::format("\"{}\" is no feature", gate.substr(0, 80)));
    else
      at.Unsupported("config.feature-gate", "Config.FeatureGates",
                     fmt::format("{} is not carried out by this version", gate));
  }
  const auto updaters = std::ranges::count_if(manifest.users, [&manifest](const auto& entry) {
    return MayUpdateManifest(manifest, entry.second);
  });
  if (config.update_threshold > static_cast<std::uint64_t>(updaters)) {
    at.Problem("config.update-threshold", "Config.UpdateThreshold",
               fmt::format("is {}, but {} user(s) may update the manifest", config.update_threshold,
                           updaters));
  }
  if (config.rotate_root_secret)
    at.Note("config.rotate", "Config.RotateRootSecret",
            "takes effect at updates, which this version does not carry out");
  CheckRecovery(manifest, at);
}

}  // namespace strongroom::manifest::checks
