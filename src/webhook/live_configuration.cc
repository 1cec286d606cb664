#include "webhook/live_configuration.h"

#include "base/files.h"

namespace strongroom::webhook {

Result<std::optional<std::string>> WatchedFile::Changed() {
  ASSIGN_OR_RETURN(std::string text, ReadTextFile(path_, max_bytes_));
  if (last_ == text) return std::nullopt;
  last_ = text;
  return text;
}

}  // namespace strongroom::webhook
