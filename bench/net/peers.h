#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace strongroom::bench {

inline constexpr std::size_t kReplyBytes = 4096;

struct PemIdentity {
  std::string certificate;
  std::string key;
};

// gRPC C++ (callback API, generic service): any method, any message, answered with kReplyBytes.
// Runs until the process ends.
Result<std::uint16_t> ServeGrpcPeer(const PemIdentity& identity);

// A blocking OpenSSL loop: a request is four bytes of length and that many more, the answer
// kReplyBytes.
Result<std::uint16_t> ServeRawPeer(const PemIdentity& identity);

// The client of ServeRawPeer.
class RawClient {
 public:
  virtual ~RawClient() = default;
  static Result<std::unique_ptr<RawClient>> Connect(std::uint16_t port);
  virtual Status Call(ByteView message) = 0;
};

}  // namespace strongroom::bench
