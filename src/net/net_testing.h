#pragma once

#include <string>

#include "net/tls.h"

namespace strongroom::net {

// A self-signed P-256 certificate for `name` and 127.0.0.1, made anew each time.
struct TestIdentity {
  Credentials credentials;
  std::string certificate_pem;
  SecretBytes key_pem;
};
TestIdentity MakeTestIdentity(const std::string& name);

}  // namespace strongroom::net
