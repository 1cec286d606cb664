#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "net/http.h"

namespace strongroom::net {

struct Nghttp2Free {
  void operator()(nghttp2_session* p) const { nghttp2_session_del(p); }
  void operator()(nghttp2_session_callbacks* p) const { nghttp2_session_callbacks_del(p); }
  void operator()(nghttp2_option* p) const { nghttp2_option_del(p); }
};
template <class T>
using Nghttp2Ptr = std::unique_ptr<T, Nghttp2Free>;

inline nghttp2_nv NameValue(std::string_view name, std::string_view value) {
  // nghttp2 copies both; its interface only lacks the const.
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

// Fields that HTTP/2 forbids (RFC 9113, 8.2.2) or that are not the application's to set are left
// out.
inline void AddNameValues(std::vector<nghttp2_nv>& out, const Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (name.empty() || name.starts_with(':') || name == "connection" ||
        name == "transfer-encoding" || name == "keep-alive" || name == "upgrade" ||
        name == "proxy-connection" || name == "content-length") {
      continue;
    }
    out.push_back(NameValue(name, value));
  }
}

}  // namespace strongroom::net
