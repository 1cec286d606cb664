#include "coordinator/core/audit.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/reader.h"

namespace strongroom::coordinator {

std::string AuditEntryText(const AuditHead& before, UnixSeconds now, const AuditEvent& event) {
  JsonWriter w;
  w.Object();
  w.Key("seq").Unsigned(before.sequence + 1);
  w.Key("time").String(FormatRfc3339(now));
  w.Key("event").String(event.event);
  for (const auto& [name, value] : event.fields) w.Key(name).String(value);
  w.Key("previous").String(HexEncode(before.digest.view()));
  return std::move(w.End()).Finish();
}

AuditHead Advance(const AuditHead& before, std::string_view entry_text) {
  return {before.sequence + 1, crypto::Sha256(AsBytes(entry_text))};
}

SecretBytes EncodeAuditHead(const AuditHead& head) {
  Writer w;
  w.U64Le(head.sequence).Put(head.digest.view());
  return SecretBytes::Adopt(std::move(w).Finish());
}

Result<AuditHead> DecodeAuditHead(ByteView bytes) {
  Reader reader(bytes, "audit head");
  AuditHead head;
  ASSIGN_OR_RETURN(head.sequence, reader.U64Le());
  ASSIGN_OR_RETURN(head.digest, reader.TakeFixed<crypto::Sha256Digest>());
  RETURN_IF_ERROR(reader.ExpectEnd());
  return head;
}

}  // namespace strongroom::coordinator
