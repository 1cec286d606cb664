#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/entropy.h"
#include "coordinator/core/pki.h"
#include "manifest/manifest.h"
#include "manifest/template.h"

// Making, deriving and taking in the values of a manifest's secrets (marblerun.md 1.6).
namespace strongroom::coordinator {

inline constexpr std::size_t kRootSecretBytes = 32;

// Values by name, of secrets that are the same for every marble: shared ones and user-defined ones,
// the latter with empty parts until someone sets them. Values are immutable and shared between
// tables, because activations hold one table while an upload makes the next.
using SecretTable = manifest::ByName<std::shared_ptr<const manifest::SecretValue>>;

// True when `secret` has one value for all marbles.
inline bool IsCommon(const manifest::Secret& secret) {
  return secret.shared || secret.user_defined;
}
inline bool IsSet(const manifest::SecretValue& value) { return !value.private_part.empty(); }

// Values of all common secrets, for a manifest that is being set. Certificates are issued by the
// marble root.
Result<SecretTable> MakeCommonSecrets(const manifest::Manifest& manifest,
                                      const Hierarchy& authorities, UnixSeconds now,
                                      Entropy& entropy);

// A certificate secret: a fresh key of the type and size the secret names, and its certificate.
Result<manifest::SecretValue> MakeCertificateSecret(const manifest::Secret& secret,
                                                    const Hierarchy& authorities, UnixSeconds now);

// The marble that a value is derived for.
struct MarbleInstance {
  std::string marble;
  std::string uuid;  // canonical text
  bool disable_secret_binding = false;
};

// HKDF-SHA256: key root_secret, salt uuid || name, info the marble's name (empty without binding).
Result<manifest::SecretValue> DeriveSymmetricSecret(const manifest::Secret& secret,
                                                    std::string_view name,
                                                    const MarbleInstance& instance,
                                                    ByteView root_secret);

// A value that a user uploads: `key` for symmetric-key and plain, both others for certificates.
struct SecretUpload {
  SecretBytes key;
  Bytes certificate;        // DER
  SecretBytes private_key;  // PKCS#8 DER
};
// kMalformed: not what the definition asks for (size, type of key, key and certificate that do not
// belong together, parts that do not belong here).
Result<manifest::SecretValue> TakeUpload(const manifest::Secret& secret,
                                         const SecretUpload& upload);

}  // namespace strongroom::coordinator
