#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace strongroom::bench {

inline constexpr std::size_t kReplyBytes = 4096;
// Any message, taken as one piece.
inline constexpr char kMethod[] = "/bench.Service/Call";
// A PredictRequest with one tensor, decoded.
inline constexpr char kPredict[] = "/tensorflow.serving.PredictionService/Predict";
// One 224x224 RGB image of floats, and the name of its input.
inline constexpr std::size_t kImageBytes = 224 * 224 * 3 * 4;
inline constexpr char kImageInput[] = "input";

struct PemIdentity {
  std::string certificate;
  std::string key;
};

// gRPC C++ (callback API, generic service): kMethod and kPredict, answered with kReplyBytes. Runs
// until the process ends.
Result<std::uint16_t> ServeGrpcPeer(const PemIdentity& identity);

// The client of gRPC C++ (one connection, a call at a time), for any server that answers with
// kReplyBytes; it trusts the certificate alone. Offers AES-128-GCM alone, for the whole process.
class GrpcPeerClient {
 public:
  virtual ~GrpcPeerClient() = default;
  static Result<std::unique_ptr<GrpcPeerClient>> Connect(std::uint16_t port,
                                                         const std::string& certificate);
  virtual Status Call(const std::string& method, ByteView message) = 0;
};

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
