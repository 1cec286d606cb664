#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"

namespace strongroom::crypto {

// One part of a name to be written: `type` is CN, O, OU, L, ST, C, STREET, SERIALNUMBER,
// emailAddress or a dotted OID.
struct NameAttribute {
  std::string type;
  std::string value;  // UTF-8, at most 64 characters for most types (X.520)
};
// In the order in which it is encoded: `{{"CN", "Strongroom"}, {"O", "Example"}}`. Empty is a name
// too.
using DistinguishedName = std::vector<NameAttribute>;

// A name that was read. Compare `der`: texts of different names may be equal.
struct Name {
  std::string common_name;  // the first CN; empty when there is none
  std::string rfc2253;  // "CN=Intel SGX Root CA,O=Intel Corporation,L=Santa Clara,ST=CA,C=US", last
                        // part first
  Bytes der;

  bool operator==(const Name& other) const { return der == other.der; }
};

}  // namespace strongroom::crypto
