#include "serving/core/access.h"

#include <algorithm>

#include <fmt/format.h>

namespace strongroom::serving {
namespace {

const Client* Find(const std::vector<Client>& clients, const Bytes& certificate) {
  const auto found = std::ranges::find(clients, certificate, &Client::certificate);
  return found == clients.end() ? nullptr : &*found;
}

const Client* FindAnywhere(const ModelClients& models, const Bytes& certificate) {
  for (const auto& [model, clients] : models) {
    if (const Client* const found = Find(clients, certificate)) return found;
  }
  return nullptr;
}

Status CheckValidity(const Client& client, UnixSeconds now) {
  if (now < client.not_before)
    return Denied(fmt::format("client certificate is valid from {} on, not yet",
                              FormatRfc3339(client.not_before)));
  if (now > client.not_after)
    return Denied(fmt::format("client certificate ended at {}, wanted a valid one",
                              FormatRfc3339(client.not_after)));
  return {};
}

}  // namespace

AccessList AccessList::InsecureEveryone() {
  AccessList out;
  out.everyone_ = true;
  return out;
}

Status AccessList::Check(std::string_view model, const Bytes* certificate) const {
  if (everyone_) return {};
  const Client* client = nullptr;
  if (certificate != nullptr) {
    const auto own = clients_.find(model);
    client = own != clients_.end() ? Find(own->second, *certificate)
                                   : FindAnywhere(clients_, *certificate);
  }
  if (client != nullptr && clock_ != nullptr) return CheckValidity(*client, clock_->Now());
  return Denied(fmt::format("client certificate is not among those that may ask model {}", model));
}

}  // namespace strongroom::serving
