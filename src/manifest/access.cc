#include "manifest/access.h"

#include <algorithm>

#include <fmt/format.h>

#include "manifest/words.h"

namespace strongroom::manifest {
namespace {

std::string_view ResourceTypeOf(Action action) {
  switch (action) {
    case Action::kReadSecret:
    case Action::kWriteSecret: return "Secrets";
    case Action::kUpdateSecurityVersion: return "Packages";
    case Action::kUpdateManifest: return "Manifest";
    case Action::kInfer: return "Models";
  }
  return "";
}

bool Grants(const Role& role, Action action, std::string_view resource) {
  if (role.resource_type != ResourceTypeOf(action)) return false;
  if (action != Action::kUpdateManifest &&
      std::ranges::find(role.resource_names, resource) == role.resource_names.end()) {
    return false;
  }
  return std::ranges::any_of(role.actions, [action](const std::string& name) {
    return EqualInAnyCase(name, ActionName(action));
  });
}

// That the resource exists and lets itself be treated so, whoever asks.
Status CheckResource(const Manifest& manifest, Action action, std::string_view resource) {
  if (action == Action::kUpdateManifest) return {};
  if (action == Action::kUpdateSecurityVersion) {
    if (manifest.packages.contains(resource)) return {};
    return NotFound(fmt::format("there is no package \"{}\"", resource.substr(0, 80)));
  }
  const auto secret = manifest.secrets.find(resource);
  if (secret == manifest.secrets.end())
    return NotFound(fmt::format("there is no secret \"{}\"", resource.substr(0, 80)));
  const Secret& definition = secret->second;
  if (action == Action::kWriteSecret && !definition.user_defined) {
    return Denied(
        fmt::format("secret \"{}\" is not user-defined, so nobody can write it", resource));
  }
  if (action == Action::kReadSecret && !definition.user_defined && !definition.shared) {
    return Denied(fmt::format(
        "secret \"{}\" is neither shared nor user-defined, so nobody can read it", resource));
  }
  return {};
}

bool IsClient(const Model& model, const std::string& name, const User& user) {
  return std::ranges::any_of(model.clients, [&](const std::string& client) {
    return client == name || std::ranges::find(user.roles, client) != user.roles.end();
  });
}

}  // namespace

std::string_view ActionName(Action action) {
  switch (action) {
    case Action::kReadSecret: return "ReadSecret";
    case Action::kWriteSecret: return "WriteSecret";
    case Action::kUpdateSecurityVersion: return "UpdateSecurityVersion";
    case Action::kUpdateManifest: return "UpdateManifest";
    case Action::kInfer: return "Infer";
  }
  return "";
}

std::optional<std::string_view> FindUser(const Manifest& manifest, ByteView certificate_der) {
  if (certificate_der.empty()) return std::nullopt;
  for (const auto& [name, user] : manifest.users) {
    if (Equal(user.certificate_der, certificate_der)) return name;
  }
  return std::nullopt;
}

Status Authorize(const Manifest& manifest, std::string_view user, Action action,
                 std::string_view resource) {
  const auto refused = [&] {
    return Denied(fmt::format("user \"{}\" has no role that allows {}{}{}", user.substr(0, 80),
                              ActionName(action), resource.empty() ? "" : " on ",
                              resource.substr(0, 80)));
  };
  const auto entry = manifest.users.find(user);
  if (entry == manifest.users.end()) return refused();
  if (action == Action::kInfer) {  // Clients alone decides
    const auto model = manifest.models.find(resource);
    if (model == manifest.models.end() || !IsClient(model->second, entry->first, entry->second)) {
      return refused();
    }
    return {};
  }
  const bool granted = std::ranges::any_of(entry->second.roles, [&](const std::string& name) {
    const auto role = manifest.roles.find(name);
    return role != manifest.roles.end() && Grants(role->second, action, resource);
  });
  // Who has no right at all does not learn what there is.
  if (!granted) return refused();
  return CheckResource(manifest, action, resource);
}

std::vector<ByteView> ModelClientCertificates(const Manifest& manifest, const Model& model) {
  std::vector<ByteView> out;
  for (const auto& [name, user] : manifest.users) {
    if (!user.certificate_der.empty() && IsClient(model, name, user))
      out.emplace_back(user.certificate_der);
  }
  return out;
}

}  // namespace strongroom::manifest
