#include <openssl/err.h>

#include "crypto/openssl_internal.h"

namespace strongroom::crypto {

std::string OpenSslError(std::string_view what) {
  std::string text(what);
  std::string_view separator = ": ";
  for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    text.append(separator).append(reason != nullptr ? reason : "unknown reason");
    separator = "; ";
  }
  return text;
}

void ClearOpenSslErrors() { ERR_clear_error(); }

}  // namespace strongroom::crypto
