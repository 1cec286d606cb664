#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/model_layout.h"
#include "base/plain_path.h"
#include "manifest/access.h"
#include "manifest/checks.h"
#include "manifest/words.h"

// Secrets, and the models whose keys some of them are.
namespace strongroom::manifest::checks {
namespace {

template <std::size_t N>
bool IsOneOf(const std::array<std::uint64_t, N>& values, std::uint64_t value) {
  return std::ranges::find(values, value) != values.end();
}

void CheckSymmetric(const Secret& secret, const std::string& path, Collector& at) {
  // What HKDF-SHA256 can give; secrets that are not derived have a limit of reason.
  constexpr std::uint64_t max_derived = 255UL * 32 * 8, max_bits = 8UL * 1024 * 1024;
  const bool derived = !secret.shared && !secret.user_defined;
  const std::uint64_t max = derived ? max_derived : max_bits;
  if (secret.size == 0 || secret.size % 8 != 0 || secret.size > max) {
    at.Problem("secret.size", path + ".Size",
               fmt::format("is {}, wanted a multiple of 8 from 8 to {}", secret.size, max));
  }
}

void CheckKeySize(const Secret& secret, const std::string& path, Collector& at) {
  constexpr std::array<std::uint64_t, 4> curves = {224, 256, 384, 521};
  constexpr std::array<std::uint64_t, 3> moduli = {2048, 3072, 4096};
  if (secret.user_defined) return;
  if (secret.type == SecretType::kCertEcdsa && !IsOneOf(curves, secret.size)) {
    at.Problem("secret.size", path + ".Size",
               fmt::format("is {}, wanted 224, 256, 384 or 521", secret.size));
  }
  if (secret.type == SecretType::kCertEd25519 && secret.size != 0) {
    at.Problem("secret.size", path + ".Size",
               fmt::format("is {}, wanted none for Ed25519", secret.size));
  }
  if (secret.type == SecretType::kCertRsa && !IsOneOf(moduli, secret.size)) {
    at.Unsupported("secret.size", path + ".Size",
                   fmt::format("is {}, wanted 2048, 3072 or 4096", secret.size));
  }
}

void CheckTime(const std::optional<std::string>& time, const std::string& path, Collector& at) {
  if (time && !ParseRfc3339(*time).has_value()) {
    at.Problem("secret.cert", path,
               fmt::format("\"{}\" is no time like 2027-01-31T00:00:00Z", time->substr(0, 80)));
  }
}

void CheckCertificate(const Secret& secret, const std::string& path, Collector& at) {
  CheckKeySize(secret, path, at);
  const CertificateTemplate& cert = secret.cert;
  if (secret.valid_for != 0 && cert.not_after) {
    at.Problem("secret.cert", path, "has ValidFor and Cert.NotAfter, wanted at most one");
  }
  constexpr std::uint64_t max_days = 365UL * 1000;
  if (secret.valid_for > max_days)
    at.Problem("secret.cert", path + ".ValidFor",
               fmt::format("is {} days, wanted at most {}", secret.valid_for, max_days));
  CheckTime(cert.not_before, path + ".Cert.NotBefore", at);
  CheckTime(cert.not_after, path + ".Cert.NotAfter", at);
  constexpr std::uint32_t all_usages = 0x1ff;
  constexpr std::int64_t last_extended_usage = 13;
  if (cert.key_usage > all_usages)
    at.Problem("secret.cert", path + ".Cert.KeyUsage", "has bits that mean nothing");
  for (const std::int64_t usage : cert.ext_key_usage) {
    if (usage < 0 || usage > last_extended_usage)
      at.Problem("secret.cert", path + ".Cert.ExtKeyUsage", fmt::format("{} means nothing", usage));
  }
  for (const std::string& name : cert.dns_names) {
    if (!IsDnsName(name))
      at.Problem("secret.cert", path + ".Cert.DNSNames",
                 fmt::format("\"{}\" is no DNS name", name.substr(0, 80)));
  }
  for (const std::string& address : cert.ip_addresses) {
    if (!IsIpAddress(address))
      at.Problem("secret.cert", path + ".Cert.IPAddresses",
                 fmt::format("\"{}\" is no IP address", address.substr(0, 80)));
  }
  if (cert.is_ca)
    at.Note("secret.ca", path + ".Cert.IsCA",
            "makes a CA under the marble root: who holds it can name any marble");
}

void CheckModelKey(const Manifest& manifest, const Model& model, const std::string& path,
                   Collector& at) {
  const auto secret = manifest.secrets.find(model.key);
  if (secret == manifest.secrets.end()) {
    at.Problem("model.key", path + ".Key",
               fmt::format("\"{}\" is not in Secrets", model.key.substr(0, 80)));
    return;
  }
  if (secret->second.type != SecretType::kSymmetricKey || secret->second.size != 128) {
    at.Problem("model.key", path + ".Key",
               fmt::format("\"{}\" is no symmetric-key of 128 bits", model.key));
  } else if (!secret->second.user_defined && !secret->second.shared) {
    at.Problem(
        "model.key", path + ".Key",
        fmt::format("\"{}\" differs for every marble, wanted it UserDefined or Shared", model.key));
  }
}

void CheckModelFiles(const Model& model, const std::string& path, Collector& at) {
  if (model.files.empty())
    at.Problem("model.files", path, "is empty, wanted the SHA-256 of each plaintext file");
  std::vector<std::string_view> names;
  for (const auto& [file, digest] : model.files) names.emplace_back(file);
  for (std::string& problem : ReadModelLayout(names).problems)
    at.Problem("model.files", path, std::move(problem));
}

// A role that speaks of models must speak of this one, or it would allow more than it says.
bool AllowsInference(const Role& role, const std::string& model) {
  if (role.resource_type != "Models") return true;
  const auto infer = [](const std::string& action) {
    return EqualInAnyCase(action, ActionName(Action::kInfer));
  };
  return std::ranges::find(role.resource_names, model) != role.resource_names.end() &&
         std::ranges::any_of(role.actions, infer);
}

void CheckModelClients(const Manifest& manifest, const std::string& name, const Model& model,
                       Collector& at) {
  const std::string path = "Models." + name + ".Clients";
  for (const std::string& client : model.clients) {
    const bool user = manifest.users.contains(client), role = manifest.roles.contains(client);
    if (user && role)
      at.Problem("model.client", path,
                 fmt::format("\"{}\" is a user and a role, wanted one", client));
    if (!user && !role)
      at.Problem("model.client", path,
                 fmt::format("\"{}\" is neither in Users nor in Roles", client.substr(0, 80)));
    if (role && !AllowsInference(manifest.roles.at(client), name))
      at.Problem("model.client", path,
                 fmt::format("role \"{}\" does not allow Infer on this model", client));
  }
  if (model.clients.empty())
    at.Note("model.no-clients", path, "is empty: nobody may ask this model");
}

}  // namespace

void CheckSecrets(const Manifest& manifest, Collector& at) {
  for (const auto& [name, secret] : manifest.secrets) {
    const std::string path = "Secrets." + name;
    if (secret.type == SecretType::kSymmetricKey) CheckSymmetric(secret, path, at);
    if (IsCertificate(secret.type)) {
      CheckCertificate(secret, path, at);
    } else if (secret.cert != CertificateTemplate{}) {
      at.Note("secret.cert-unused", path + ".Cert",
              "says nothing for a secret that is no certificate");
    }
    if (secret.type == SecretType::kPlain && !secret.user_defined) {
      at.Problem("secret.plain", path, "is plain, wanted it UserDefined: nothing generates it");
    }
  }
}

void CheckModels(const Manifest& manifest, Collector& at) {
  for (const auto& [name, model] : manifest.models) {
    const std::string path = "Models." + name;
    if (!IsPlainRelativePath(name) || name.contains('/')) {
      at.Problem("model.name", path, "is no name of a folder, which a model's name is");
    }
    CheckModelKey(manifest, model, path, at);
    if (!model.embedded_prefix.empty() && !IsPlainRelativePath(model.embedded_prefix) &&
        !(model.embedded_prefix.starts_with('/') &&
          IsPlainRelativePath(model.embedded_prefix.substr(1)))) {
      at.Problem("model.prefix", path + ".EmbeddedPrefix", "is no plain path");
    }
    CheckModelFiles(model, path + ".Files", at);
    CheckModelClients(manifest, name, model, at);
    const bool used = std::ranges::any_of(manifest.marbles, [&name](const auto& entry) {
      return std::ranges::find(entry.second.models, name) != entry.second.models.end();
    });
    if (!used) at.Note("model.unused", path, "is named by no marble, so nobody gets its key");
  }
}

}  // namespace strongroom::manifest::checks
