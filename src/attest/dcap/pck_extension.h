#pragma once

#include <string_view>

#include "attest/claims.h"
#include "attest/dcap/tcb_level.h"

namespace strongroom::attest::dcap {

// The SGX extension of PCK certificates (Intel SGX PCK certificate profile 1.5, OID below), which
// says which machine it is and which security versions it has.
inline constexpr std::string_view kSgxExtensionOid = "1.2.840.113741.1.13.1";

// Parses the extension's value. kMalformed on anything but the profile: an element missing, twice
// or unknown, versions beyond their range, bytes left over.
Result<PlatformIdentity> ParsePckExtension(ByteView value);

// The security versions that TCB info is matched against.
SgxTcb TcbOf(const PlatformIdentity& platform);

}  // namespace strongroom::attest::dcap
