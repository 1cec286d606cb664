#include "agent/handover.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/secret_message.h"
#include "strongroom/v1/handover.pb.h"

namespace strongroom::agent {
namespace {

void FillModel(const GrantedModel& model, v1::Model& out) {
  out.set_name(model.name);
  out.set_key(ToText(model.key.Reveal()));
  out.set_embedded_prefix(model.embedded_prefix);
  for (const auto& [file, digest] : model.files) (*out.mutable_files())[file] = ToText(digest);
  for (const Bytes& certificate : model.client_certificates)
    out.add_client_certificates(ToText(certificate));
}

// An environment under construction, by name.
class EnvironmentTable {
 public:
  void Set(const std::string& name, ByteView value) {
    const std::string begin = name + "=";
    SecretBytes text(begin.size() + value.size());
    std::ranges::copy(value, std::ranges::copy(AsBytes(begin), text.RevealWritable().begin()).out);
    texts_.insert_or_assign(name, std::move(text));
  }
  void Set(const std::string& name, std::string_view value) { Set(name, AsBytes(value)); }

  std::vector<SecretBytes> Take() && {
    std::vector<SecretBytes> out;
    for (auto& [name, text] : texts_) out.push_back(std::move(text));
    return out;
  }

 private:
  std::map<std::string, SecretBytes> texts_;
};

void SetPredefined(const Activation& activation, EnvironmentTable& table) {
  table.Set("MARBLE_PREDEFINED_ROOT_CA", activation.marble_root_pem);
  table.Set("MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN", activation.certificate_chain_pem);
  table.Set("MARBLE_PREDEFINED_PRIVATE_KEY", activation.key.Pkcs8Pem().Reveal());
  table.Set("MARBLE_PREDEFINED_COORDINATOR_ROOT_CA", activation.root_certificate_pem);
}

}  // namespace

Result<SecretBytes> MakeHandover(const Activation& activation, const WorkloadIdentity& identity) {
  v1::Handover message;
  message.set_certificate_chain_pem(activation.certificate_chain_pem);
  message.set_private_key_pkcs8(ToText(activation.key.Pkcs8Der().Reveal()));
  message.set_marble_root_pem(activation.marble_root_pem);
  message.set_root_certificate_pem(activation.root_certificate_pem);
  for (const GrantedModel& model : activation.models) FillModel(model, *message.add_models());
  message.set_marble(identity.marble);
  message.set_uuid(identity.uuid);

  SecretBytes bytes(message.ByteSizeLong());
  const bool serialized =
      message.SerializeToArray(bytes.RevealWritable().data(), static_cast<int>(bytes.size()));
  Wipe(*message.mutable_private_key_pkcs8());
  for (v1::Model& model : *message.mutable_models()) Wipe(*model.mutable_key());
  if (!serialized) return Internal("the handover could not be serialised");
  return bytes;
}

std::vector<SecretBytes> MakeEnvironment(const Activation& activation, const AgentConfig& config,
                                         const Environment& host, int handover) {
  EnvironmentTable table;
  for (const std::string& name : config.pass_env) {
    if (const auto value = host(name)) table.Set(name, *value);
  }
  for (const auto& [name, value] : config.env) table.Set(name, value);
  for (const auto& [name, value] : activation.env) table.Set(name, value.Reveal());
  if (activation.marblerun_style) SetPredefined(activation, table);
  if (handover >= 0) table.Set(kHandoverVariable, fmt::format("{}", handover));
  return std::move(table).Take();
}

Result<std::vector<std::string>> ChooseArguments(const Activation& activation,
                                                 const AgentConfig& config,
                                                 const std::vector<std::string>& asked) {
  const std::vector<std::string>& argv = activation.argv.empty() ? config.argv : activation.argv;
  if (asked.empty()) return argv;
  if (asked.front() != config.program) {
    return Denied(fmt::format("program \"{}\", but the measured configuration says \"{}\"",
                              asked.front(), config.program));
  }
  if (!std::ranges::equal(asked.begin() + 1, asked.end(), argv.begin() + 1, argv.end())) {
    return Denied(fmt::format(
        "arguments \"{}\", but {} says \"{}\"", fmt::join(asked.begin() + 1, asked.end(), " "),
        activation.argv.empty() ? "the measured configuration" : "the manifest",
        fmt::join(argv.begin() + 1, argv.end(), " ")));
  }
  return argv;
}

}  // namespace strongroom::agent
