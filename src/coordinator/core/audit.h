#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "coordinator/core/ports.h"
#include "crypto/hash.h"

namespace strongroom::coordinator {

// Something worth keeping for good. Values are public: no secret, no key.
struct AuditEvent {
  std::string event;  // "manifest-set", "activated"
  std::vector<std::pair<std::string, std::string>> fields;
};

// Where the chain ends: entries are numbered from 1.
struct AuditHead {
  std::uint64_t sequence = 0;
  crypto::Sha256Digest digest;  // of the last entry's text; zeros before the first
};

// One entry as it is kept and shown: a JSON object
//   {"seq":1,"time":"2026-11-21T13:38:55Z","event":"manifest-set",…,"previous":"<hex SHA-256>"}
// whose `previous` is the digest of the entry before. Changing, dropping or inserting one breaks
// the chain after it; the last digest is what to keep outside.
std::string AuditEntryText(const AuditHead& before, UnixSeconds now, const AuditEvent& event);
AuditHead Advance(const AuditHead& before, std::string_view entry_text);

// The entries themselves are the store's log.
inline constexpr std::string_view kAuditHeadName = "audit-head";

SecretBytes EncodeAuditHead(const AuditHead& head);
Result<AuditHead> DecodeAuditHead(ByteView bytes);

}  // namespace strongroom::coordinator
