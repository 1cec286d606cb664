#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "coordinator/core/coordinator.h"

// Secrets as the client API writes them.
namespace strongroom::coordinator {

// {"secrets":{name:{"Key":base64} or {"Cert":base64,"Private":base64}},"manifestFingerprint":hex};
// names of fields in any case, the fingerprint is an addition of ours and may be absent.
struct SecretsUpload {
  manifest::ByName<SecretUpload> secrets;
  std::optional<manifest::Sha256Digest> expected;
};
// kMalformed: not that; kExhausted: too large.
Result<SecretsUpload> ParseSecretsUpload(std::string_view json);

inline constexpr std::size_t kMaxSecretsUploadBytes = 4 * 1024 * 1024;

// {"secrets":{name:{"Type":…,"Size":…,"Shared":…,"UserDefined":…,"Cert":…,"ValidFor":…,"Private":…,
// "Public":…}}}
void WriteSecrets(const std::vector<NamedSecret>& secrets, JsonWriter& w);

}  // namespace strongroom::coordinator
