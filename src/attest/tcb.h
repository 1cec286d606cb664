#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace strongroom::attest {

// How a platform stands against Intel's newest advice, by Intel's names (PCS API, tcbStatus).
enum class TcbStatus {
  kUpToDate,
  kSwHardeningNeeded,
  kConfigurationNeeded,
  kConfigurationAndSwHardeningNeeded,
  kOutOfDate,
  kOutOfDateConfigurationNeeded,
  kRevoked,
};

// "UpToDate", "SWHardeningNeeded", … exactly as Intel and MarbleRun manifests write them.
std::string_view TcbStatusName(TcbStatus status);
// Case counts. kMalformed for any other text.
Result<TcbStatus> ParseTcbStatus(std::string_view name);

// The verdict over platform and quoting enclave together.
struct TcbVerdict {
  TcbStatus status = TcbStatus::kRevoked;
  std::vector<std::string> advisory_ids;  // sorted, each once; "INTEL-SA-00615"
  UnixSeconds tcb_date{};                 // the older of the two matched levels
  // tcbEvaluationDataNumber of TCB info and of QE identity; policies want a minimum of both.
  std::uint32_t tcb_info_evaluation_number = 0;
  std::uint32_t qe_identity_evaluation_number = 0;

  std::uint32_t evaluation_number() const {
    return tcb_info_evaluation_number < qe_identity_evaluation_number
               ? tcb_info_evaluation_number
               : qe_identity_evaluation_number;
  }
};

}  // namespace strongroom::attest
