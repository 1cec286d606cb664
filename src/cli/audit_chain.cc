#include "cli/audit_chain.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/reader.h"
#include "cli/plain_text.h"

namespace strongroom::cli {
Result<std::string> EntryForPeople(std::string_view text) {
  ASSIGN_OR_RETURN(const JsonDocument entry, JsonDocument::Parse(text));
  ASSIGN_OR_RETURN(const std::string_view time, entry.root().GetString("time"));
  ASSIGN_OR_RETURN(const std::string_view event, entry.root().GetString("event"));
  std::string line = OneLine(fmt::format("{} {}", time, event));
  for (const auto& [name, value] : entry.root().members()) {
    if (name == "seq" || name == "time" || name == "event" || name == "previous") continue;
    line += fmt::format(" {}={}", OneLine(name), OneWord(value));
  }
  return line;
}

Result<AuditChain::Head> AuditChain::ReadHead(const Json& json) {
  Head head;
  ASSIGN_OR_RETURN(const Json* sequence, json.Get("seq"));
  ASSIGN_OR_RETURN(head.sequence, sequence->Unsigned());
  ASSIGN_OR_RETURN(const std::string_view hex, json.GetString("sha256"));
  ASSIGN_OR_RETURN(const Bytes digest, In("sha256", HexDecode(hex)));
  ASSIGN_OR_RETURN(head.digest, In("sha256", crypto::Sha256Digest::From(digest)));
  ASSIGN_OR_RETURN(const std::string_view signature, json.GetString("signatureRootECDSA"));
  ASSIGN_OR_RETURN(head.signature, In("signatureRootECDSA", Base64Decode(signature)));
  return head;
}

Status AuditChain::Add(std::string_view text) {
  ASSIGN_OR_RETURN(const JsonDocument entry, JsonDocument::Parse(text));
  ASSIGN_OR_RETURN(const Json* number, entry.root().Get("seq"));
  ASSIGN_OR_RETURN(const std::uint64_t sequence, number->Unsigned());
  ASSIGN_OR_RETURN(const std::string_view previous, entry.root().GetString("previous"));
  if (sequence != length_ + 1)
    return Untrusted(fmt::format("entry {} follows entry {}", sequence, length_));
  if (const std::string wanted = HexEncode(digest_.view()); previous != wanted) {
    return Untrusted(
        fmt::format("entry {} follows on one with SHA-256 {}, but the one before has {}", sequence,
                    previous.substr(0, 64), wanted));
  }
  digest_ = crypto::Sha256(AsBytes(text));
  length_ = sequence;
  return {};
}

Status AuditChain::ExpectHead(const Head& head, const crypto::PublicKey& root) const {
  if (head.sequence != length_ || !(head.digest == digest_)) {
    return Untrusted(fmt::format(
        "it ends with entry {} and SHA-256 {}, but the coordinator names entry "
        "{} and {}",
        length_, HexEncode(digest_.view()), head.sequence, HexEncode(head.digest.view())));
  }
  Writer message;
  message.Put("strongroom audit head v1").U64Le(head.sequence).Put(head.digest.view());
  return In("the root's signature over its end",
            root.Verify(crypto::SignatureScheme::kEcdsaSha256, message.bytes(), head.signature));
}

}  // namespace strongroom::cli
