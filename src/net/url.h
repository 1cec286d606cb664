#pragma once

#include <string>
#include <string_view>

#include "net/address.h"

namespace strongroom::net {

// An http or https URL in the parts that a client needs.
struct Url {
  std::string scheme;
  HostPort host;
  std::string authority;  // as in the URL
  std::string target;     // path and query, at least "/"
};

// kMalformed: another scheme, user information, a fragment, no host, white space or control
// characters.
Result<Url> ParseUrl(std::string_view text);

}  // namespace strongroom::net
