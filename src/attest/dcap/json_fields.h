#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "attest/dcap/tcb_level.h"
#include "base/clock.h"
#include "base/json.h"

// Reading Intel's signed JSON documents: exact kinds, exact sizes, no member that is not known by
// name.
namespace strongroom::attest::dcap {

// kMalformed, with the member's path, for a member that is not in `known`: a field that changes the
// meaning of the others would come with a new document version, so an unknown one in a known
// version is not Intel's.
Status ExpectOnly(const Json& object, std::initializer_list<std::string_view> known);

// An integer member from 0 to `max`.
Result<std::uint64_t> GetUnsigned(const Json& object, std::string_view name, std::uint64_t max);

// A member of hex digits of either case, as many bytes as Fixed has.
template <class Fixed>
Result<Fixed> GetHex(const Json& object, std::string_view name);
Result<Bytes> GetHexBytes(const Json& object, std::string_view name, std::size_t size);

Result<UnixSeconds> GetTime(const Json& object, std::string_view name);

// tcbDate, tcbStatus and advisoryIDs of a level.
Result<LevelVerdict> ReadVerdict(const Json& level);

template <class Fixed>
Result<Fixed> GetHex(const Json& object, std::string_view name) {
  ASSIGN_OR_RETURN(const Bytes bytes, GetHexBytes(object, name, Fixed::kSize));
  return Fixed::From(bytes);
}

}  // namespace strongroom::attest::dcap
