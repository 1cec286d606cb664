#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "manifest/manifest.h"

namespace strongroom::manifest {

// kInfer is ours: Models.<name>.Clients decides it. A role of resource type Models repeats that for
// readers, and CheckManifest holds the two against each other.
enum class Action { kReadSecret, kWriteSecret, kUpdateSecurityVersion, kUpdateManifest, kInfer };
std::string_view ActionName(Action action);  // "ReadSecret"

// The user whose certificate is byte-equal to `certificate_der`, as it came
// from the TLS handshake; issuer, subject and validity mean nothing here.
std::optional<std::string_view> FindUser(const Manifest& manifest, ByteView certificate_der);

// May `user` do `action` to `resource` (a secret, a package; empty for the manifest)?
// kDenied, naming all three, when no role of the user says so, also for what does not exist. A
// secret is written only when user-defined, read only when shared or user-defined: kDenied
// otherwise.
Status Authorize(const Manifest& manifest, std::string_view user, Action action,
                 std::string_view resource);

// Certificates (DER) of all who may ask `model`: users that its Clients name,
// and users that have a role named there. In the order of user names, each
// once.
std::vector<ByteView> ModelClientCertificates(const Manifest& manifest, const Model& model);

}  // namespace strongroom::manifest
