#include "coordinator/core/deployment.h"

#include <algorithm>
#include <utility>

#include "manifest/check.h"

namespace strongroom::coordinator {
namespace {

// Whether a template may look at a secret without naming it in plain.
bool LooksAtAll(std::string_view text) {
  return text.contains("range") || text.contains("index") || text.contains('$') ||
         text.contains('\\');
}

// Values that differ between instances cost a key each, so they are made only for marbles whose
// templates may use them. Errs on the side of making one.
bool MayUse(const manifest::Marble& marble, std::string_view secret) {
  const auto uses = [secret](const auto& entry) {
    const manifest::Parameter& parameter = entry.second;
    return !parameter.no_templates && parameter.data.contains("{{") &&
           (parameter.data.contains(secret) || LooksAtAll(parameter.data));
  };
  return std::ranges::any_of(marble.files, uses) || std::ranges::any_of(marble.env, uses);
}

Result<MarblePlan> PlanMarble(const manifest::Manifest& manifest, const std::string& name,
                              const manifest::Marble& marble) {
  ASSIGN_OR_RETURN(manifest::MarbleTemplates templates,
                   In("Marbles." + name, manifest::MarbleTemplates::Parse(marble)));
  MarblePlan plan{std::move(templates), SplitNames(manifest::SansOf(name, marble)), {}};
  for (const auto& [secret_name, secret] : manifest.secrets) {
    if (!IsCommon(secret) && MayUse(marble, secret_name)) plan.own_secrets.push_back(secret_name);
  }
  return plan;
}

manifest::SecretValue Placeholder(const manifest::Secret& definition) {
  constexpr std::uint8_t one[] = {1};
  return {.definition = definition,
          .certificate = manifest::IsCertificate(definition.type) ? Bytes{1} : Bytes{},
          .public_part = SecretBytes(ByteView(one)),
          .private_part = SecretBytes(ByteView(one))};
}

}  // namespace

Result<Deployment> PlanDeployment(ByteView raw) {
  ASSIGN_OR_RETURN(manifest::Manifest manifest, manifest::ParseManifest(AsText(raw)));
  manifest::CheckReport report = manifest::CheckManifest(manifest);
  RETURN_IF_ERROR(report.ToStatus());
  Deployment out{.raw = ToBytes(raw),
                 .fingerprint = manifest::Fingerprint(AsText(raw)),
                 .signature = {},
                 .manifest = std::move(manifest),
                 .root_secret = {},
                 .plans = {},
                 .notes = std::move(report.notes)};
  for (const auto& [name, marble] : out.manifest.marbles) {
    ASSIGN_OR_RETURN(MarblePlan plan, PlanMarble(out.manifest, name, marble));
    out.plans.emplace(name, std::move(plan));
  }
  return out;
}

manifest::TemplateData TemplateValues::Data() const {
  manifest::TemplateData out{.secrets = {},
                             .previous_secrets = {},
                             .root_ca = &root_ca,
                             .marble_cert = &marble_cert,
                             .coordinator_root = &coordinator_root,
                             .coordinator_intermediate = &coordinator_intermediate};
  for (const auto& [name, value] : values) out.secrets.emplace(name, value.get());
  return out;
}

Status RehearseTemplates(const Deployment& deployment, const SecretTable& table) {
  const manifest::Secret certificate{.type = manifest::SecretType::kCertEcdsa};
  TemplateValues values{.values = {},
                        .root_ca = Placeholder(certificate),
                        .marble_cert = Placeholder(certificate),
                        .coordinator_root = Placeholder(certificate),
                        .coordinator_intermediate = Placeholder(certificate)};
  for (const auto& [name, secret] : deployment.manifest.secrets) {
    const auto known = table.find(name);
    if (known != table.end() && IsSet(*known->second)) {
      values.values.emplace(name, known->second);
    } else {
      values.values.emplace(name,
                            std::make_shared<const manifest::SecretValue>(Placeholder(secret)));
    }
  }
  for (const auto& [name, plan] : deployment.plans) {
    // What MarbleRun's dialect allows may be refused in ours, where the marble may choose.
    const manifest::Marble& marble = deployment.manifest.marbles.at(name);
    const manifest::Dialect dialect = manifest::MayActivateBy(marble, manifest::Dialect::kMarbleRun)
                                          ? manifest::Dialect::kMarbleRun
                                          : manifest::Dialect::kStrongroom;
    const auto result = plan.templates.Execute(values.Data(), dialect);
    if (!result.has_value()) return std::unexpected(result.error().In("Marbles." + name));
  }
  return {};
}

}  // namespace strongroom::coordinator
