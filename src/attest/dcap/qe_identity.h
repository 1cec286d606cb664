#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "attest/dcap/tcb_level.h"
#include "attest/sgx/report_body.h"
#include "base/json.h"

namespace strongroom::attest::dcap {

// Intel's description of its SGX quoting enclave (PCS API, /sgx/certification/v3|v4/qe/identity,
// version 2).
struct QeIdentity {
  UnixSeconds issue_date{};
  UnixSeconds next_update{};
  std::uint32_t evaluation_number = 0;
  // In the byte order of the report: Intel's own sample, the only document where it is not zero,
  // shows that the hex text is the bytes as they lie there.
  std::array<std::uint8_t, 4> miscselect{};
  std::array<std::uint8_t, 4> miscselect_mask{};
  std::array<std::uint8_t, 16> attributes{};
  std::array<std::uint8_t, 16> attributes_mask{};
  MrSigner mrsigner;
  std::uint16_t isv_prod_id = 0;
  std::vector<QeLevel> levels;  // newest first
};

// Reads the object under "enclaveIdentity". Says nothing about its signature. kMalformed unless it
// is exactly a version 2 document; kUnsupported for other versions and for enclaves other than
// "QE".
Result<QeIdentity> ReadQeIdentity(const Json& object);

// kUntrusted, naming the field, when the report is not of that enclave. `report` is the 384 bytes
// as signed.
Status MatchQeReport(const QeIdentity& identity, ByteView report);

}  // namespace strongroom::attest::dcap
