#include <fmt/format.h>

#include "base/reader.h"
#include "ratls/activation_binding.h"

namespace strongroom::ratls {
namespace {

constexpr std::uint32_t kHeaderVersion = 1;
constexpr std::uint32_t kSgxEcdsa = 2;

}  // namespace

Bytes WrapOpenEnclave(ByteView quote) {
  Writer w;
  w.U32Le(kHeaderVersion).U32Le(kSgxEcdsa).U64Le(quote.size()).Put(quote);
  return std::move(w).Finish();
}

Result<ByteView> UnwrapOpenEnclave(ByteView evidence) {
  Reader reader(evidence, "Open Enclave evidence");
  ASSIGN_OR_RETURN(const std::uint32_t version, reader.U32Le());
  ASSIGN_OR_RETURN(const std::uint32_t type, reader.U32Le());
  ASSIGN_OR_RETURN(const std::uint64_t length, reader.U64Le());
  if (version != kHeaderVersion || type != kSgxEcdsa) {
    return Malformed(
        fmt::format("Open Enclave evidence has version {} and type {}, wanted {} and {}", version,
                    type, kHeaderVersion, kSgxEcdsa));
  }
  if (length != reader.remaining()) {
    return Malformed(fmt::format("Open Enclave evidence names {} bytes, found {} after the header",
                                 length, reader.remaining()));
  }
  return reader.Rest();
}

Result<ByteView> UnwrapIfOpenEnclave(ByteView evidence) {
  Reader reader(evidence, "evidence");
  ASSIGN_OR_RETURN(const std::uint32_t first, reader.U32Le());
  if (first != kHeaderVersion) return evidence;
  return UnwrapOpenEnclave(evidence);
}

}  // namespace strongroom::ratls
