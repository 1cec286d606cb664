#include "net/url.h"

#include <algorithm>

#include <fmt/format.h>

namespace strongroom::net {

Result<Url> ParseUrl(std::string_view text) {
  const auto refuse = [text](std::string_view why) {
    return Malformed(fmt::format("URL \"{}\": {}", text, why));
  };
  if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c == '\x7f'; })) {
    return Malformed("found white space or a control character in a URL");
  }
  Url url;
  const std::size_t colon = std::min(text.find("://"), text.size());
  url.scheme = text.substr(0, colon);
  if (url.scheme != "http" && url.scheme != "https") return refuse("wanted http:// or https://");
  std::string_view rest = text.substr(colon + 3);
  if (rest.contains('#')) return refuse("has a fragment, wanted none");
  const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  url.authority = rest.substr(0, slash);
  url.target = rest.substr(slash);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (url.authority.contains('@')) return refuse("has user information, wanted none");
  const bool has_port =
      url.authority.find(':', url.authority.starts_with('[') ? url.authority.find(']') : 0) !=
      std::string::npos;
  auto host = ParseHostPort(has_port ? url.authority
                                     : url.authority + (url.scheme == "https" ? ":443" : ":80"));
  if (!host) return refuse("wanted a host");
  url.host = *std::move(host);
  return url;
}

}  // namespace strongroom::net
