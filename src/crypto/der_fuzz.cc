// Walks hostile DER with a bounded depth. What a typed accessor reads, the writer writes back to
// the same bytes.

#include <cstdlib>

#include "crypto/der.h"

namespace strongroom::crypto {
namespace {

constexpr int kMaxDepth = 8;

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckPrimitive(const DerElement& element) {
  const auto same = [&](const Bytes& written) { Require(Equal(written, element.whole)); };
  DerReader reader(element.whole);
  switch (element.tag) {
    case der::kOid:
      if (const auto oid = reader.Oid()) {
        Require(IsOid(*oid));
        same(DerOid(*oid));
      }
      break;
    case der::kInteger:
      if (const auto number = reader.Unsigned()) same(DerUnsigned(*number));
      break;
    case der::kEnumerated:
      if (const auto number = reader.Enumerated(); number && *number < 256) {
        same(DerEnumerated(static_cast<std::uint8_t>(*number)));
      }
      break;
    case der::kBoolean:
      if (const auto value = reader.Boolean()) same(DerBoolean(*value));
      break;
    case der::kBitString:
      if (const auto bits = reader.BitString()) same(DerBitString(*bits));
      break;
    case der::kOctetString: same(DerOctetString(reader.OctetString().value())); break;
    default: break;
  }
}

void Walk(ByteView bytes, int depth) {
  DerReader reader(bytes, "input");
  std::size_t consumed = 0;
  while (!reader.empty()) {
    const auto element = reader.Next();
    if (!element) return;
    consumed += element->whole.size();
    Require(consumed <= bytes.size() && element->content.size() < element->whole.size());
    Require(Equal(DerElementOf(element->tag, {element->content}), element->whole));
    CheckPrimitive(*element);
    if ((element->tag & 0x20U) != 0 && depth < kMaxDepth) Walk(element->content, depth + 1);
  }
  Require(consumed == bytes.size() && reader.ExpectEnd().has_value());
}

}  // namespace
}  // namespace strongroom::crypto

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  strongroom::crypto::Walk({data, size}, 0);
  return 0;
}
