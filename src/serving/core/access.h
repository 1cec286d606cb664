#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace strongroom::serving {

// A client as the owner listed it.
struct Client {
  Bytes certificate;  // DER
  // When the certificate is valid (RFC 5280, section 4.1.2.5).
  UnixSeconds not_before;
  UnixSeconds not_after;
};
// By model name. A model that is not named is nobody's.
using ModelClients = std::map<std::string, std::vector<Client>, std::less<>>;

// Who may ask which model: certificates, byte for byte as the owner listed them, while they are
// valid. Possession of their keys is proven by the TLS handshake; names and issuers mean nothing
// here. Immutable.
class AccessList {
 public:
  // `clock` is borrowed for life.
  AccessList(ModelClients clients, const Clock& clock)
      : clients_(std::move(clients)), clock_(&clock) {}

  // Everyone may ask everything: for comparisons on a loopback address only.
  static AccessList InsecureEveryone();

  // `certificate` is the client's leaf, null when it showed none. kDenied. A name that is no
  // model's is denied to strangers and fine for a client of any model, who will learn that it does
  // not exist.
  Status Check(std::string_view model, const Bytes* certificate) const;

 private:
  AccessList() = default;
  ModelClients clients_;
  const Clock* clock_ = nullptr;  // there unless it is for everyone
  bool everyone_ = false;
};

}  // namespace strongroom::serving
