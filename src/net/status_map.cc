#include "net/status_map.h"

#include <array>

namespace strongroom::net {

int ToHttpStatus(Code code) {
  switch (code) {
    case Code::kMalformed: return 400;
    case Code::kUntrusted: return 401;
    case Code::kDenied: return 403;
    case Code::kNotFound: return 404;
    case Code::kConflict: return 409;
    case Code::kPrecondition: return 412;
    case Code::kExhausted: return 429;
    case Code::kUnavailable: return 503;
    case Code::kUnsupported: return 501;
    case Code::kDeadline: return 504;
    case Code::kCancelled: return 499;
    case Code::kInternal: return 500;
  }
  return 500;
}

GrpcStatus ToGrpcStatus(Code code) {
  switch (code) {
    case Code::kMalformed: return GrpcStatus::kInvalidArgument;
    case Code::kUntrusted: return GrpcStatus::kUnauthenticated;
    case Code::kDenied: return GrpcStatus::kPermissionDenied;
    case Code::kNotFound: return GrpcStatus::kNotFound;
    case Code::kConflict: return GrpcStatus::kAborted;
    case Code::kPrecondition: return GrpcStatus::kFailedPrecondition;
    case Code::kExhausted: return GrpcStatus::kResourceExhausted;
    case Code::kUnavailable: return GrpcStatus::kUnavailable;
    case Code::kUnsupported: return GrpcStatus::kUnimplemented;
    case Code::kDeadline: return GrpcStatus::kDeadlineExceeded;
    case Code::kCancelled: return GrpcStatus::kCancelled;
    case Code::kInternal: return GrpcStatus::kInternal;
  }
  return GrpcStatus::kInternal;
}

Code FromHttpStatus(int status) {
  switch (status) {
    case 401: return Code::kUntrusted;
    case 403: return Code::kDenied;
    case 404:
    case 410: return Code::kNotFound;
    case 405:
    case 501: return Code::kUnsupported;
    case 409: return Code::kConflict;
    case 412: return Code::kPrecondition;
    case 413:
    case 429:
    case 431: return Code::kExhausted;
    case 408:
    case 504: return Code::kDeadline;
    case 499: return Code::kCancelled;
    case 502:
    case 503: return Code::kUnavailable;
    default: return status >= 400 && status < 500 ? Code::kMalformed : Code::kInternal;
  }
}

Code FromGrpcStatus(GrpcStatus status) {
  switch (status) {
    case GrpcStatus::kInvalidArgument:
    case GrpcStatus::kOutOfRange: return Code::kMalformed;
    case GrpcStatus::kUnauthenticated: return Code::kUntrusted;
    case GrpcStatus::kPermissionDenied: return Code::kDenied;
    case GrpcStatus::kNotFound: return Code::kNotFound;
    case GrpcStatus::kAlreadyExists:
    case GrpcStatus::kAborted: return Code::kConflict;
    case GrpcStatus::kFailedPrecondition: return Code::kPrecondition;
    case GrpcStatus::kResourceExhausted: return Code::kExhausted;
    case GrpcStatus::kUnavailable: return Code::kUnavailable;
    case GrpcStatus::kUnimplemented: return Code::kUnsupported;
    case GrpcStatus::kDeadlineExceeded: return Code::kDeadline;
    case GrpcStatus::kCancelled: return Code::kCancelled;
    case GrpcStatus::kOk:
    case GrpcStatus::kUnknown:
    case GrpcStatus::kInternal:
    case GrpcStatus::kDataLoss: return Code::kInternal;
  }
  return Code::kInternal;
}

std::string_view GrpcStatusName(GrpcStatus status) {
  static constexpr std::array<std::string_view, 17> kNames = {"OK",
                                                              "CANCELLED",
                                                              "UNKNOWN",
                                                              "INVALID_ARGUMENT",
                                                              "DEADLINE_EXCEEDED",
                                                              "NOT_FOUND",
                                                              "ALREADY_EXISTS",
                                                              "PERMISSION_DENIED",
                                                              "RESOURCE_EXHAUSTED",
                                                              "FAILED_PRECONDITION",
                                                              "ABORTED",
                                                              "OUT_OF_RANGE",
                                                              "UNIMPLEMENTED",
                                                              "INTERNAL",
                                                              "UNAVAILABLE",
                                                              "DATA_LOSS",
                                                              "UNAUTHENTICATED"};
  return kNames.at(static_cast<std::size_t>(status));
}

}  // namespace strongroom::net
