#include "webhook/live_configuration.h"

#include "base/files.h"

namespace strongroom::webhook {

Result<std::optional<SecretBytes>> WatchedFile::Changed() {
  ASSIGN_OR_RETURN(SecretBytes content, ReadSecretFile(path_, max_bytes_));
  const crypto::Sha256Digest digest = crypto::Sha256(content.Reveal());
  if (last_ == digest) return std::nullopt;
  last_ = digest;
  return content;
}

}  // namespace strongroom::webhook
