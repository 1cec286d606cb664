#include "serving/core/access.h"

#include <algorithm>

#include <fmt/format.h>

namespace strongroom::serving {
namespace {

bool Lists(const std::vector<Bytes>& certificates, const Bytes& certificate) {
  return std::find(certificates.begin(), certificates.end(), certificate) != certificates.end();
}

}  // namespace

AccessList AccessList::InsecureEveryone() {
  AccessList out;
  out.everyone_ = true;
  return out;
}

Status AccessList::Check(std::string_view model, const Bytes* certificate) const {
  if (everyone_) return {};
  if (certificate != nullptr) {
    const auto own = clients_.find(model);
    const bool allowed =
        own != clients_.end()
            ? Lists(own->second, *certificate)
            : std::any_of(clients_.begin(), clients_.end(),
                          [&](const auto& entry) { return Lists(entry.second, *certificate); });
    if (allowed) return {};
  }
  return Denied(fmt::format("client certificate is not among those that may ask model {}", model));
}

}  // namespace strongroom::serving
