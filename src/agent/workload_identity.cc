#include "agent/workload_identity.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "base/uuid.h"

namespace strongroom::agent {
namespace {

constexpr std::size_t kMaxUuidFileBytes = 4096;

Result<std::string> UuidOf(const std::string& file, Entropy& entropy) {
  if (file.empty()) return MakeUuid(entropy);
  const auto text = ReadTextFile(file, kMaxUuidFileBytes);
  if (text.has_value()) {
    // The host names the file, which may be any of this TEE's: nothing of it is repeated, and bare
    // hexadecimal, as keys are written, is no UUID here.
    const std::string_view written = Trimmed(*text);
    auto uuid = CanonicalUuid(written);
    if (!uuid.has_value() || !written.contains('-')) {
      return Malformed(fmt::format(
          "{} holds no UUID, wanted one like 123e4567-e89b-12d3-a456-426614174000", file));
    }
    return uuid;
  }
  if (text.error().code() != Code::kNotFound) return std::unexpected(text.error());
  std::string uuid = MakeUuid(entropy);
  RETURN_IF_ERROR(CreateFileAtomic(file, AsBytes(uuid), 0600));
  return uuid;
}

Result<std::string> MarbleOf(const std::string& measured, const std::optional<std::string>& host) {
  if (measured.empty() && (!host || host->empty())) {
    return Malformed(
        "no marble is named, wanted one in the measured configuration or in EDG_MARBLE_TYPE");
  }
  if (measured.empty()) return *host;
  if (host && !host->empty() && *host != measured) {
    return Malformed(
        fmt::format("EDG_MARBLE_TYPE is \"{}\", but the measured configuration says \"{}\"",
                    host->substr(0, 80), measured));
  }
  return measured;
}

std::vector<std::string> DnsNamesOf(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (const std::string_view name = Trimmed(list.substr(0, comma)); !name.empty())
      out.emplace_back(name);
    list = comma == std::string_view::npos ? "" : list.substr(comma + 1);
  }
  return out;
}

}  // namespace

Result<WorkloadIdentity> FindIdentity(const AgentConfig& config, const Environment& environment,
                                      Entropy& entropy) {
  const auto value_or = [&environment](const std::string& name, const std::string& otherwise) {
    const auto value = environment(name);
    return value && !value->empty() ? *value : otherwise;
  };
  WorkloadIdentity out;
  out.coordinator =
      value_or("STRONGROOM_COORDINATOR", value_or("EDG_MARBLE_COORDINATOR_ADDR", "localhost:2001"));
  ASSIGN_OR_RETURN(out.marble, MarbleOf(config.marble, environment("EDG_MARBLE_TYPE")));
  ASSIGN_OR_RETURN(
      out.uuid, In("EDG_MARBLE_UUID_FILE", UuidOf(value_or("EDG_MARBLE_UUID_FILE", ""), entropy)));
  out.names = DnsNamesOf(value_or("EDG_MARBLE_DNS_NAMES", "localhost"));
  return out;
}

}  // namespace strongroom::agent
