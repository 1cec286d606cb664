#include "agent/config.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/json_members.h"
#include "base/steering_variables.h"

namespace strongroom::agent {
namespace {

constexpr std::string_view kFormat = "strongroom-agent/1";

Status ReadText(const Json& json, std::string& out) {
  ASSIGN_OR_RETURN(const std::string_view text, json.String());
  if (text.contains('\0')) return Malformed(json.path() + " has a zero byte");
  out = text;
  return {};
}

JsonReader Text(std::string& out) {
  return [&out](const Json& json) { return ReadText(json, out); };
}

JsonReader AbsolutePath(std::string& out) {
  return [&out](const Json& json) -> Status {
    RETURN_IF_ERROR(ReadText(json, out));
    if (!out.starts_with('/'))
      return Malformed(fmt::format("{} is \"{}\", wanted an absolute path", json.path(), out));
    return {};
  };
}

JsonReader Texts(std::vector<std::string>& out) {
  return [&out](const Json& json) -> Status {
    if (!json.IsArray()) return Malformed(json.path() + " is no array");
    for (const Json& item : json.items()) RETURN_IF_ERROR(ReadText(item, out.emplace_back()));
    return {};
  };
}

template <class Fixed>
JsonReader Hex(std::optional<Fixed>& out) {
  return [&out](const Json& json) -> Status {
    ASSIGN_OR_RETURN(const std::string_view text, json.String());
    ASSIGN_OR_RETURN(const Bytes bytes, In(json.path(), HexDecode(text)));
    ASSIGN_OR_RETURN(out, In(json.path(), Fixed::From(bytes)));
    return {};
  };
}

JsonReader Number16(std::optional<std::uint16_t>& out) {
  return [&out](const Json& json) -> Status {
    ASSIGN_OR_RETURN(const std::uint64_t number, json.Unsigned());
    if (number > 0xffff)
      return Malformed(fmt::format("{} is {}, wanted at most 65535", json.path(), number));
    out = static_cast<std::uint16_t>(number);
    return {};
  };
}

Status ReadStatuses(const Json& json, attest::AcceptancePolicy& policy) {
  if (!json.IsArray()) return Malformed(json.path() + " is no array");
  policy.accepted_statuses = {{attest::TcbStatus::kUpToDate, std::nullopt}};
  for (const Json& item : json.items()) {
    ASSIGN_OR_RETURN(const std::string_view name, item.String());
    ASSIGN_OR_RETURN(const attest::TcbStatus status, In(item.path(), attest::ParseTcbStatus(name)));
    policy.accepted_statuses.emplace(status, std::nullopt);
  }
  return {};
}

Status ReadAnchors(const Json& json, attest::TrustAnchors& anchors) {
  if (!json.IsArray()) return Malformed(json.path() + " is no array");
  for (const Json& item : json.items()) {
    ASSIGN_OR_RETURN(const std::string_view hex, item.String());
    ASSIGN_OR_RETURN(const attest::Anchor anchor, In(item.path(), attest::ParseAnchor(hex)));
    anchors.Add(anchor);
  }
  return {};
}

JsonReader Flag(bool& out) {
  return [&out](const Json& json) -> Status {
    ASSIGN_OR_RETURN(out, json.Bool());
    return {};
  };
}

JsonReader Time(UnixSeconds& out) {
  return [&out](const Json& json) -> Status {
    ASSIGN_OR_RETURN(const std::string_view text, json.String());
    ASSIGN_OR_RETURN(out, In(json.path(), ParseRfc3339(text)));
    return {};
  };
}

// An identity alone says which code the coordinator is, not whose manifest it holds: whoever may
// start that code can hold one of his own, which says what this workload starts with.
Status CheckManifestIsSettled(const CoordinatorExpectation& expected, bool accept_any_manifest) {
  const bool pinned = expected.root || expected.manifest;
  if (pinned && accept_any_manifest)
    return Malformed(
        "coordinator pins a root or a manifest and has accept_any_manifest, wanted one of both");
  if (!pinned && !accept_any_manifest)
    return Malformed(
        "coordinator names no manifest: its code may hold anyone's. Wanted root_sha256 or "
        "manifest_sha256, or \"accept_any_manifest\": true");
  return {};
}

Status ReadCoordinator(const Json& json, CoordinatorExpectation& out) {
  out.anchors = attest::TrustAnchors::Intel();
  attest::AcceptancePolicy& policy = out.policy;
  bool accept_any_manifest = false;
  RETURN_IF_ERROR(ReadMembers(
      json,
      {{"mrenclave", Hex(policy.mrenclave)},
       {"mrsigner", Hex(policy.mrsigner)},
       {"product_id", Number16(policy.isv_prod_id)},
       {"security_version", Number16(policy.min_isv_svn)},
       {"accepted_tcb_statuses", [&](const Json& value) { return ReadStatuses(value, policy); }},
       {"insecure_accept_debug_enclaves", Flag(policy.insecure_accept_debug_enclaves)},
       {"trust_anchors", [&](const Json& value) { return ReadAnchors(value, out.anchors); }},
       {"root_sha256", Hex(out.root)},
       {"manifest_sha256", Hex(out.manifest)},
       {"accept_any_manifest", Flag(accept_any_manifest)},
       {"not_before", Time(out.not_before)}}));
  out.by_identity = policy.mrenclave || policy.mrsigner || policy.isv_prod_id || policy.min_isv_svn;
  if (out.by_identity) RETURN_IF_ERROR(In("coordinator", CheckPolicy(policy)));
  if (!out.by_identity && !out.root) {
    return Malformed(
        "coordinator names nobody, wanted mrenclave, or mrsigner with product_id and "
        "security_version, or root_sha256");
  }
  return CheckManifestIsSettled(out, accept_any_manifest);
}

Status CheckVariable(std::string_view name, const Json& at) {
  if (name.empty() || name.contains('='))
    return Malformed(fmt::format("{} is no name of a variable", at.path()));
  if (ChoosesCode(name))
    return Denied(fmt::format("{} steers the loader and may not be set", name));
  return {};
}

Status ReadEnvironment(const Json& json, std::map<std::string, std::string>& out) {
  if (!json.IsObject()) return Malformed(json.path() + " is no object");
  for (const auto& [name, value] : json.members()) {
    RETURN_IF_ERROR(CheckVariable(name, value));
    RETURN_IF_ERROR(ReadText(value, out[name]));
  }
  return {};
}

Status ReadPassedNames(const Json& json, std::vector<std::string>& out) {
  RETURN_IF_ERROR(Texts(out)(json));
  for (const std::string& name : out) RETURN_IF_ERROR(CheckVariable(name, json));
  return {};
}

Status ReadKind(const Json& json, std::optional<ProgramKind>& out) {
  ASSIGN_OR_RETURN(const std::string_view kind, json.String());
  if (kind == "strongroom") out = ProgramKind::kStrongroom;
  else if (kind == "foreign") out = ProgramKind::kForeign;
  else
    return Malformed(
        fmt::format("kind is \"{}\", wanted strongroom or foreign", kind.substr(0, 80)));
  return {};
}

Status ReadCredentialFiles(const Json& json, CredentialFiles& out) {
  return ReadMembers(json, {{"certificate_chain", AbsolutePath(out.certificate_chain)},
                            {"private_key", AbsolutePath(out.private_key)},
                            {"marble_root", AbsolutePath(out.marble_root)},
                            {"root", AbsolutePath(out.root)}});
}

}  // namespace

bool ChoosesCode(std::string_view variable) {
  return SteersTheLoader(variable) || SteersAnInterpreter(variable) ||
         variable.starts_with("STRONGROOM_ATTESTATION_");
}

Result<AgentConfig> ParseConfig(std::string_view json) {
  ASSIGN_OR_RETURN(const JsonDocument document,
                   JsonDocument::Parse(json, {.max_bytes = kMaxConfigBytes}));
  AgentConfig out;
  std::string format;
  bool has_coordinator = false;
  std::optional<ProgramKind> kind;
  RETURN_IF_ERROR(ReadMembers(
      document.root(),
      {{"format", Text(format)},
       {"coordinator",
        [&](const Json& value) {
          has_coordinator = true;
          return ReadCoordinator(value, out.coordinator);
        }},
       {"marble", Text(out.marble)},
       {"kind", [&](const Json& value) { return ReadKind(value, kind); }},
       {"program", AbsolutePath(out.program)},
       {"argv", Texts(out.argv)},
       {"env", [&](const Json& value) { return ReadEnvironment(value, out.env); }},
       {"pass_env", [&](const Json& value) { return ReadPassedNames(value, out.pass_env); }},
       {"credential_files",
        [&](const Json& value) { return ReadCredentialFiles(value, out.credential_files); }},
       {"run_folder", AbsolutePath(out.run_folder)}}));
  if (format != kFormat)
    return Malformed(fmt::format("format is \"{}\", wanted \"{}\"", format.substr(0, 80), kFormat));
  if (!has_coordinator)
    return Malformed("coordinator is missing: the agent must know whom to trust");
  if (!kind) return Malformed("kind is missing, wanted strongroom or foreign");
  if (out.program.empty())
    return Malformed("program is missing, wanted the absolute path of the program to start");
  out.kind = *kind;
  if (out.argv.empty()) out.argv = {out.program.substr(out.program.rfind('/') + 1)};
  return out;
}

}  // namespace strongroom::agent
