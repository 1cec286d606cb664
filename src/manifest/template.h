#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "manifest/manifest.h"

// The template language of Files and Env: Go's text/template as far as a
// manifest can mean anything by it.
namespace strongroom::manifest {

// A secret's value as templates see it. For symmetric-key and plain, public and
// private part are the value.
struct SecretValue {
  Secret definition;
  Bytes certificate;         // DER; empty: none
  SecretBytes public_part;   // PKIX DER, or the value; empty: not set (then using
                             // it fails)
  SecretBytes private_part;  // PKCS#8 DER, or the value

  SecretValue Clone() const;
};

// What the roots of a template mean. The values are borrowed for the call.
// Null: asking for it is an error.
struct TemplateData {
  ByName<const SecretValue*> secrets;  // .Secrets.<name>
  ByName<const SecretValue*>
      previous_secrets;  // .Previous.Secrets.<name>; empty: asking for it is kUnsupported
  const SecretValue* root_ca = nullptr;  // .MarbleRun.RootCA
  const SecretValue* marble_cert =
      nullptr;  // .MarbleRun.MarbleCert; without private part in our dialect
  const SecretValue* coordinator_root = nullptr;          // .MarbleRun.CoordinatorRoot
  const SecretValue* coordinator_intermediate = nullptr;  // .MarbleRun.CoordinatorIntermediate
};

// Files may use `raw`; environments may use `string`, and private keys only
// where the marble is MarbleRun-style.
enum class TemplateTarget { kFile, kEnv, kEnvWithPrivateKeys };

// A parsed template. Parsing refuses, by name, whatever of Go's language is not
// carried out here; so what parses runs. Immutable: may be executed from any
// thread.
class Template {
 public:
  // kMalformed: a syntax error, with line; kUnsupported: a function or
  // construct that is not available for this target.
  static Result<Template> Parse(std::string_view text, TemplateTarget target);

  // The text with all actions carried out. kMalformed: a value that is missing,
  // unset or of the wrong kind; kExhausted: more than 16 MiB of output or a
  // million steps. For an environment: kMalformed when the result has a NUL
  // byte.
  Result<SecretBytes> Execute(const TemplateData& data) const;

  // The same for an environment that no private key may go into: then kDenied.
  Template WithoutPrivateKeys() const { return Template(program_, TemplateTarget::kEnv); }

 private:
  struct Program;
  Template(std::shared_ptr<const Program> program, TemplateTarget target)
      : program_(std::move(program)), target_(target) {}
  std::shared_ptr<const Program> program_;  // shared by copies; immutable
  TemplateTarget target_;
};

// All files and variables of a marble, parsed once and carried out at every
// activation.
class MarbleTemplates {
 public:
  struct Output {
    ByName<SecretBytes> files;
    ByName<SecretBytes> env;
  };

  // Errors name the entry ("Parameters.Env.TOKEN").
  static Result<MarbleTemplates> Parse(const Marble& marble);
  // For an activation in this dialect. Private keys go into the environment of a marble that is
  // declared MarbleRun-style, or speaks MarbleRun's dialect; else kDenied.
  Result<Output> Execute(const TemplateData& data, Dialect dialect) const;

 private:
  struct Entry {
    std::string plain;  // when there is no template
    std::optional<Template> parsed;
  };
  static Result<Entry> ParseEntry(const Parameter& parameter, TemplateTarget target);
  ByName<Entry> files_;
  ByName<Entry> env_;
  bool declared_ = false;  // MarbleRun-style
};

}  // namespace strongroom::manifest
