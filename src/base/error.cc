#include "base/error.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "base/result.h"

namespace strongroom {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kMalformed: return "malformed";
    case Code::kUntrusted: return "untrusted";
    case Code::kDenied: return "denied";
    case Code::kNotFound: return "not found";
    case Code::kConflict: return "conflict";
    case Code::kPrecondition: return "precondition";
    case Code::kExhausted: return "exhausted";
    case Code::kUnavailable: return "unavailable";
    case Code::kUnsupported: return "unsupported";
    case Code::kDeadline: return "deadline";
    case Code::kCancelled: return "cancelled";
    case Code::kInternal: return "internal";
  }
  return "internal";
}

std::string Error::ToString() const { return fmt::format("{}: {}", CodeName(code_), message_); }

Error Error::In(std::string_view context) const {
  const std::string before = fmt::format("{}: ", context);
  return message_.starts_with(before) ? *this : Error(code_, before + message_, finding_);
}

namespace {
std::unexpected<Error> Make(Code code, std::string message) {
  return std::unexpected(Error(code, std::move(message)));
}
}  // namespace

std::unexpected<Error> Malformed(std::string m) { return Make(Code::kMalformed, std::move(m)); }
std::unexpected<Error> Untrusted(std::string m) { return Make(Code::kUntrusted, std::move(m)); }
std::unexpected<Error> Denied(std::string m) { return Make(Code::kDenied, std::move(m)); }
std::unexpected<Error> NotFound(std::string m) { return Make(Code::kNotFound, std::move(m)); }
std::unexpected<Error> Conflict(std::string m) { return Make(Code::kConflict, std::move(m)); }
std::unexpected<Error> Precondition(std::string m) {
  return Make(Code::kPrecondition, std::move(m));
}
std::unexpected<Error> Exhausted(std::string m) { return Make(Code::kExhausted, std::move(m)); }
std::unexpected<Error> Unavailable(std::string m) { return Make(Code::kUnavailable, std::move(m)); }
std::unexpected<Error> Unsupported(std::string m) { return Make(Code::kUnsupported, std::move(m)); }
std::unexpected<Error> DeadlineExceeded(std::string m) {
  return Make(Code::kDeadline, std::move(m));
}
std::unexpected<Error> Cancelled(std::string m) { return Make(Code::kCancelled, std::move(m)); }
std::unexpected<Error> Internal(std::string m) { return Make(Code::kInternal, std::move(m)); }

std::unexpected<Error> FromErrno(int error_number, std::string_view what) {
  Code code = Code::kInternal;
  if (error_number == ENOENT) code = Code::kNotFound;
  if (error_number == EACCES || error_number == EPERM) code = Code::kDenied;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG)
    code = Code::kExhausted;
  if (error_number == EEXIST) code = Code::kConflict;
  return Make(code, fmt::format("{}: {}", what, std::generic_category().message(error_number)));
}

}  // namespace strongroom
