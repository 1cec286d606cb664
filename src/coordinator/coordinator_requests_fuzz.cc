// What the coordinator reads by itself: uploads of secrets, UUIDs, and the parts of stored records.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/uuid.h"
#include "coordinator/api/secrets_json.h"
#include "coordinator/core/audit.h"
#include "coordinator/core/records.h"

namespace strongroom::coordinator {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void ReadUuid(std::string_view text) {
  const auto uuid = CanonicalUuid(text);
  if (uuid.has_value()) Require(CanonicalUuid(*uuid) == *uuid && uuid->size() == 36);
}

void ReadSecret(ByteView bytes) {
  const auto value = DecodeSecret({}, bytes);
  if (!value.has_value()) return;
  const Record again = EncodeSecret("x", *value);
  Require(Equal(again.value.Reveal(), bytes));
}

}  // namespace
}  // namespace strongroom::coordinator

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom;               // NOLINT(google-build-using-namespace)
  using namespace strongroom::coordinator;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0: static_cast<void>(ParseSecretsUpload(AsText(rest))); break;
    case 1: ReadUuid(AsText(rest)); break;
    case 2: ReadSecret(rest); break;
    default: static_cast<void>(DecodeAuditHead(rest)); break;
  }
  return 0;
}
