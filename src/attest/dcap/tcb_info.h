#pragma once

#include <cstdint>
#include <vector>

#include "attest/claims.h"
#include "attest/dcap/tcb_level.h"
#include "base/json.h"

namespace strongroom::attest::dcap {

// Intel's word on one family of platforms (PCS API, /sgx/certification/v3/tcb gives version 2, v4
// gives version 3).
struct TcbInfo {
  std::uint32_t version = 0;
  UnixSeconds issue_date{};
  UnixSeconds next_update{};
  Fmspc fmspc;
  PceId pce_id;
  std::uint32_t evaluation_number = 0;
  std::vector<PlatformLevel> levels;  // newest first
};

// Reads the object under "tcbInfo". Says nothing about its signature. kMalformed unless it is
// exactly a version 2 or 3 document for SGX; kUnsupported for other versions and other TEEs.
Result<TcbInfo> ReadTcbInfo(const Json& object);

}  // namespace strongroom::attest::dcap
