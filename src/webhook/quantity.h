#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace strongroom::webhook {

// A Kubernetes resource quantity that counts bytes ("64Mi", "1.5Gi", "67108864", "64M", "1e6"),
// rounded up to whole bytes. kMalformed: not a quantity, zero or less; kExhausted: over 1 EiB.
Result<std::uint64_t> ParseBytes(std::string_view quantity);

// The number of MiB that hold so many bytes.
std::uint64_t MebibytesFor(std::uint64_t bytes);

}  // namespace strongroom::webhook
