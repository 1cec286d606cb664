#pragma once

#include <string_view>

#include "base/json.h"
#include "crypto/key.h"

namespace strongroom::attest::dcap {

// A document of Intel's services: {"<name>":{…},"signature":"<128 hex digits>"}.
class SignedJson {
 public:
  // kMalformed unless it is exactly that; kExhausted beyond 256 KiB or a depth of 16.
  static Result<SignedJson> Parse(std::string_view text, std::string_view name);

  const Json& body() const { return *body_; }
  // ECDSA P-256 over the body's bytes as they were received. kUntrusted when it is not of `key`.
  Status VerifySignature(const crypto::PublicKey& key) const;

 private:
  SignedJson(JsonDocument document, const Json* body, Bytes signature)
      : document_(std::move(document)), body_(body), signature_(std::move(signature)) {}

  JsonDocument document_;  // keeps *body_ alive
  const Json* body_;
  Bytes signature_;
};

}  // namespace strongroom::attest::dcap
