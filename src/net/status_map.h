#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "base/result.h"

namespace strongroom::net {

enum class GrpcStatus : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The house's one table (architecture, section 5). kExhausted is 429: a body over its limit is
// answered 413 by the server itself.
int ToHttpStatus(Code code);
GrpcStatus ToGrpcStatus(Code code);

// What a client makes of a foreign server's status. Statuses below 400 have no code: kInternal.
Code FromHttpStatus(int status);
Code FromGrpcStatus(GrpcStatus status);

// A dialect's own table, laid over the default: {{Code::kUntrusted,
// GrpcStatus::kPermissionDenied}}.
using GrpcStatusOverrides = std::map<Code, GrpcStatus>;

// "INVALID_ARGUMENT"
std::string_view GrpcStatusName(GrpcStatus status);

}  // namespace strongroom::net
