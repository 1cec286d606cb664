#pragma once

#include <memory>
#include <string>
#include <vector>

#include "coordinator/core/secrets.h"
#include "manifest/manifest.h"
#include "manifest/template.h"

namespace strongroom::coordinator {

// What is prepared once for every activation of a marble.
struct MarblePlan {
  manifest::MarbleTemplates templates;
  SubjectNames names;
  // Secrets with a value of its own for each instance that its files and variables may mention.
  std::vector<std::string> own_secrets;
};

// A manifest in force and what follows from it alone. Immutable: requests hold it while another one
// may come.
struct Deployment {
  Bytes raw;  // as uploaded: what is hashed, signed and returned
  manifest::Sha256Digest fingerprint;
  Bytes signature;  // by the root key over `raw`, ECDSA with SHA-256, DER
  manifest::Manifest manifest;
  SecretBytes root_secret;  // values of instances are derived from it
  manifest::ByName<MarblePlan> plans;
  std::vector<manifest::Remark> notes;  // what is weaker in it than it may seem
};

// Parses and checks `raw`. kMalformed, kUnsupported: it must not be set (manifest/check.h).
// `signature` and `root_secret` stay empty.
Result<Deployment> PlanDeployment(ByteView raw);

// The values that templates of a marble see, all alive as long as this.
struct TemplateValues {
  SecretTable values;
  manifest::SecretValue root_ca, marble_cert, coordinator_root, coordinator_intermediate;

  manifest::TemplateData Data() const;
};

// Runs the templates of every marble over the values in `table`, with one byte in place of what is
// unset or differs between instances. Tells at upload what would fail at activation.
Status RehearseTemplates(const Deployment& deployment, const SecretTable& table);

}  // namespace strongroom::coordinator
