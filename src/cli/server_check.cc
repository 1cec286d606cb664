#include "cli/server_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/der.h"
#include "crypto/oid.h"
#include "crypto/x509.h"

namespace strongroom::cli {
namespace {

constexpr std::size_t kMaxShown = 80;
constexpr std::size_t kDigestBytes = 32;

// A name as it may be printed: it comes from whoever holds the certificate.
std::string Shown(ByteView name) {
  std::string out(AsText(name).substr(0, kMaxShown));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

bool SameName(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

bool IsLoopbackName(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.ends_with('.')) host.remove_suffix(1);
  if (SameName(host, "localhost") || host == "::1") return true;
  const bool is_ipv4 = !host.empty() && host.find_first_not_of("0123456789.") == host.npos;
  return is_ipv4 && host.starts_with("127.");
}

std::string RemarkOnRoot(const std::vector<Bytes>& chain) {
  if (chain.empty()) return "";
  const auto leaf = crypto::Certificate::FromDer(chain.front());
  if (!leaf.has_value()) return "";  // who trusts it says so
  const crypto::Extension* anchor = leaf->FindExtension(crypto::oid::kTrustAnchor);
  if (anchor == nullptr) return "";
  crypto::DerReader reader(anchor->value);
  const auto root = reader.OctetString();
  const bool readable = root.has_value() && root->size() == kDigestBytes && reader.empty();
  return fmt::format(
      "note: the server's evidence rests on {}, not on Intel's root: under a TEST root the TEE is "
      "simulated and protects nothing",
      readable ? "root " + HexEncode(*root) : "a root that cannot be read");
}

Status ExpectMarble(std::string_view marble, const std::vector<Bytes>& chain) {
  if (chain.empty()) return Untrusted("the server shows no certificate");
  ASSIGN_OR_RETURN(const crypto::Certificate leaf, crypto::Certificate::FromDer(chain.front()));
  const crypto::Extension* type = leaf.FindExtension(crypto::oid::kMarbleType);
  if (type == nullptr) {
    return Untrusted(
        fmt::format("the server's certificate is no marble's, wanted that of \"{}\"", marble));
  }
  if (AsText(type->value) == marble) return {};
  return Untrusted(
      fmt::format("the server is marble \"{}\", wanted \"{}\"", Shown(type->value), marble));
}

}  // namespace strongroom::cli
