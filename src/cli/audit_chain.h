#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "crypto/hash.h"
#include "crypto/key.h"

namespace strongroom::cli {

// The coordinator's audit log as its reader checks it (docs/protocols/client-api.md).
class AuditChain {
 public:
  // Where the coordinator says the log ends.
  struct Head {
    std::uint64_t sequence = 0;
    crypto::Sha256Digest digest;
    Bytes signature;
  };
  // kMalformed when it is none.
  static Result<Head> ReadHead(const Json& json);

  // Appends the next entry's text. kUntrusted when its number or the digest of the one before is
  // not what the chain has come to; kMalformed when it is no entry.
  Status Add(std::string_view text);
  std::uint64_t length() const { return length_; }

  // kUntrusted unless the chain ends where the head says, and `root` signed that.
  Status ExpectHead(const Head& head, const crypto::PublicKey& root) const;

 private:
  std::uint64_t length_ = 0;
  crypto::Sha256Digest digest_ = {};  // zeros before the first
};

// An entry as one line for people: "2026-11-21T13:38:55Z activation-refused marble=modelserver …".
// What is more than a plain word is quoted as in JSON. kMalformed when it is no entry.
Result<std::string> EntryForPeople(std::string_view text);

}  // namespace strongroom::cli
