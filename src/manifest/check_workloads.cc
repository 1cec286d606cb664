#include <algorithm>

#include <fmt/format.h>

#include "attest/tcb.h"
#include "base/encoding.h"
#include "manifest/checks.h"
#include "manifest/match.h"
#include "manifest/template.h"

// Packages, marbles and their templates.
namespace strongroom::manifest::checks {
namespace {

bool HasNul(std::string_view text) { return text.contains('\0'); }

// A measurement that is not 32 bytes of hex matches no enclave.
void CheckMeasurement(std::string_view field, const std::string& hex, const std::string& path,
                      Collector& at) {
  if (hex.empty()) return;
  const auto bytes = HexDecode(hex);
  if (bytes.has_value() && bytes->size() == 32) return;
  at.Problem("package.measurement", fmt::format("{}.{}", path, field),
             "is not 64 hexadecimal digits, so nothing can match it");
}

void CheckTcb(const Package& package, const std::string& path, Collector& at) {
  const std::string where = path + ".AcceptedTCBStatuses";
  for (const std::string& name : package.accepted_tcb_statuses) {
    const auto status = attest::ParseTcbStatus(name);
    if (!status.has_value()) {
      at.Problem("package.tcb-status", where,
                 fmt::format("\"{}\" is no TCB status", name.substr(0, 80)));
      continue;
    }
    if (*status == attest::TcbStatus::kUpToDate) continue;
    if (*status == attest::TcbStatus::kRevoked) {
      at.Note("package.tcb-revoked", where, "lists Revoked, which is never accepted");
    } else if (package.accepted_advisories.empty()) {
      at.Note(
          "package.tcb-any-advisory", where,
          fmt::format("accepts {} with any advisory; list the tolerated ones in AcceptedAdvisories",
                      name));
    } else {
      at.Note("package.tcb-weaker", where,
              fmt::format("accepts {} with the advisories listed", name));
    }
  }
  if (!package.accepted_advisories.empty() && package.accepted_tcb_statuses.empty()) {
    at.Note("package.advisories-unused", path + ".AcceptedAdvisories",
            "says nothing, because only UpToDate is accepted");
  }
}

void CheckPackage(const Package& package, const std::string& path, Collector& at) {
  CheckMeasurement("UniqueID", package.unique_id, path, at);
  CheckMeasurement("SignerID", package.signer_id, path, at);
  constexpr std::uint64_t max = 0xffff;
  if (package.product_id.value_or(0) > max)
    at.Problem("package.product-id", path + ".ProductID",
               "is more than 65535, so nothing can match it");
  if (package.security_version.value_or(0) > max)
    at.Problem("package.security-version", path + ".SecurityVersion",
               "is more than 65535, so nothing can match it");
  const std::string identity = IdentityProblem(package);
  if (package.debug) {
    at.Note("package.debug", path, "admits debug enclaves only: their host can read their memory");
    if (!identity.empty())
      at.Note("package.identity", path, identity + "; tolerated because of Debug");
  } else if (!identity.empty()) {
    at.Problem("package.identity", path, identity);
  }
  CheckTcb(package, path, at);
  if (!package.trust_anchors.empty()) {
    at.Note("package.trust-anchors", path + ".TrustAnchors",
            fmt::format("trusts {} more root(s) than Intel's: hardware is not what vouches for "
                        "this package there",
                        package.trust_anchors.size()));
  }
}

void CheckEnvName(const std::string& name, const std::string& path, Collector& at) {
  if (name.empty() || name.contains('=') || HasNul(name)) {
    at.Problem("marble.env-name", path + ".Parameters.Env",
               fmt::format("\"{}\" is no name of a variable", name.substr(0, 80)));
  } else if (name.starts_with("MARBLE_PREDEFINED_") || name == "MARBLE_TTLS_CONFIG") {
    at.Problem("marble.env-reserved", fmt::format("{}.Parameters.Env.{}", path, name),
               "is set by the coordinator");
  }
}

void CheckNames(const Marble& marble, const std::string& path, Collector& at) {
  for (const auto& [name, parameter] : marble.env) CheckEnvName(name, path, at);
  for (const auto& [file, parameter] : marble.files) {
    if (file.empty() || HasNul(file))
      at.Problem("marble.file-name", path + ".Parameters.Files",
                 "has a name that no file can have");
  }
  if (std::ranges::any_of(marble.argv, HasNul))
    at.Problem("marble.argv", path + ".Parameters.Argv",
               "has a zero byte, which no argument can hold");
  for (const std::string& san : marble.sans) {
    if (!IsDnsName(san) && !IsIpAddress(san)) {
      at.Problem("marble.san", path + ".SANs",
                 fmt::format("\"{}\" is neither DNS name nor IP address", san.substr(0, 80)));
    }
  }
}

SecretValue Dummy(const Secret& definition) {
  constexpr std::uint8_t one[] = {1};
  SecretValue out{definition, {}, SecretBytes(ByteView(one)), SecretBytes(ByteView(one))};
  if (IsCertificate(definition.type)) out.certificate = {1};
  return out;
}

// Values of one byte for everything that a real activation has.
class DummyData {
 public:
  // Secrets in `unset` are there without a value.
  DummyData(const Manifest& manifest, const Marble& marble, const std::vector<std::string>& unset) {
    for (const auto& [name, secret] : manifest.secrets) {
      const bool empty = std::ranges::find(unset, name) != unset.end();
      secrets_.emplace(name, empty ? SecretValue{secret, {}, {}, {}} : Dummy(secret));
    }
    for (const auto& [name, value] : secrets_) data_.secrets.emplace(name, &value);
    // In our dialect the key of the marble's certificate never leaves the marble.
    if (!MayActivateBy(marble, Dialect::kMarbleRun)) marble_.private_part = SecretBytes();
    data_.root_ca = data_.coordinator_root = data_.coordinator_intermediate = &root_;
    data_.marble_cert = &marble_;
  }

  const TemplateData& data() const { return data_; }

 private:
  ByName<SecretValue> secrets_;
  SecretValue root_{{.type = SecretType::kCertEcdsa}, {1}, {}, {}};
  SecretValue marble_ = Dummy({.type = SecretType::kCertEcdsa});
  TemplateData data_;
};

void ReportTemplate(const Error& error, const std::string& path, Collector& at) {
  const std::string id = "marble.template";
  error.code() == Code::kUnsupported ? at.Unsupported(id, path, error.message())
                                     : at.Problem(id, path, error.message());
}

void CheckTemplates(const Manifest& manifest, const Marble& marble, const std::string& path,
                    Collector& at) {
  const auto templates = MarbleTemplates::Parse(marble);
  if (!templates.has_value()) return ReportTemplate(templates.error(), path, at);
  const bool marblerun = MayActivateBy(marble, Dialect::kMarbleRun);
  const Dialect dialect = marblerun ? Dialect::kMarbleRun : Dialect::kStrongroom;
  const DummyData dummy(manifest, marble, {});
  const auto dry_run = templates->Execute(dummy.data(), dialect);
  if (!dry_run.has_value()) return ReportTemplate(dry_run.error(), path, at);
  if (!marblerun) return;
  const auto ours = templates->Execute(dummy.data(), Dialect::kStrongroom);
  if (!ours.has_value() && ours.error().code() == Code::kDenied) {
    at.Note("marble.private-key-env", path,
            "can activate by MarbleRun's dialect only, because private keys stand in its "
            "environment, where every process of the workload can read them: " +
                ours.error().message());
  }
  std::vector<std::string> keys;
  for (const auto& [name, model] : manifest.models) keys.push_back(model.key);
  if (!keys.empty() &&
      !templates->Execute(DummyData(manifest, marble, keys).data(), dialect).has_value()) {
    at.Note("marble.model-key", path,
            "gets the key of a model by a template and may activate by MarbleRun's dialect; name "
            "the model in Models instead");
  }
}

void CheckDialect(const Marble& marble, const std::string& path, Collector& at) {
  const bool additions = !marble.models.empty() || !marble.sans.empty();
  if (marble.activation == Dialect::kMarbleRun && additions) {
    at.Problem("marble.activation", path + ".Activation",
               "is \"marblerun\", but Models and SANs need \"strongroom\"");
  } else if (MayActivateBy(marble, Dialect::kMarbleRun)) {
    at.Note("marble.marblerun-dialect", path,
            "may activate by MarbleRun's dialect: no nonce, keys made by the coordinator, private "
            "keys in the environment; \"Activation\": \"strongroom\" forbids that");
  }
}

void CheckMarble(const Manifest& manifest, const std::string& name, const Marble& marble,
                 Collector& at) {
  const std::string path = "Marbles." + name;
  if (!manifest.packages.contains(marble.package)) {
    at.Problem("marble.package", path + ".Package",
               fmt::format("\"{}\" is not in Packages", marble.package.substr(0, 80)));
  }
  for (const std::string& tag : marble.tls) {
    if (!manifest.tls.contains(tag))
      at.Problem("marble.tls", path + ".TLS",
                 fmt::format("\"{}\" is not in TLS", tag.substr(0, 80)));
  }
  if (!marble.tls.empty())
    at.Unsupported("marble.tls", path + ".TLS",
                   "transparent TLS is not carried out by this version");
  for (const std::string& model : marble.models) {
    if (!manifest.models.contains(model))
      at.Problem("marble.model", path + ".Models",
                 fmt::format("\"{}\" is not in Models", model.substr(0, 80)));
  }
  CheckDialect(marble, path, at);
  CheckNames(marble, path, at);
  CheckTemplates(manifest, marble, path, at);
}

}  // namespace

void CheckPackages(const Manifest& manifest, Collector& at) {
  if (manifest.packages.empty())
    at.Problem("packages.empty", "Packages", "is empty, wanted at least one package");
  for (const auto& [name, package] : manifest.packages) {
    const std::string path = "Packages." + name;
    const bool used = std::ranges::any_of(
        manifest.marbles, [&name](const auto& entry) { return entry.second.package == name; });
    if (used) CheckPackage(package, path, at);
    else at.Note("package.unused", path, "is used by no marble and was not checked");
  }
  for (const auto& [name, infrastructure] : manifest.infrastructures) {
    at.Note("infrastructure.ignored", "Infrastructures." + name,
            "is not enforced; TrustAnchors and TCB statuses of packages are");
  }
}

void CheckMarbles(const Manifest& manifest, Collector& at) {
  if (manifest.marbles.empty())
    at.Problem("marbles.empty", "Marbles", "is empty, wanted at least one marble");
  for (const auto& [name, marble] : manifest.marbles) CheckMarble(manifest, name, marble, at);
}

}  // namespace strongroom::manifest::checks
