#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace strongroom::serving {

// Who may ask which model: certificates, byte for byte as the owner listed them. Possession of
// their keys is proven by the TLS handshake; names and issuers mean nothing here. Immutable.
class AccessList {
 public:
  // Model name to DER certificates. A model that is not named here is nobody's.
  explicit AccessList(std::map<std::string, std::vector<Bytes>, std::less<>> clients)
      : clients_(std::move(clients)) {}

  // Everyone may ask everything: for comparisons on a loopback address only.
  static AccessList InsecureEveryone();

  // `certificate` is the client's leaf, null when it showed none. kDenied. A name that is no
  // model's is denied to strangers and fine for a client of any model, who will learn that it does
  // not exist.
  Status Check(std::string_view model, const Bytes* certificate) const;

 private:
  AccessList() = default;
  std::map<std::string, std::vector<Bytes>, std::less<>> clients_;
  bool everyone_ = false;
};

}  // namespace strongroom::serving
