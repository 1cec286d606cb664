#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace strongroom {

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// `return Denied(fmt::format("isv_svn {}, wanted at least {}", got, want));`
std::unexpected<Error> Malformed(std::string message);
std::unexpected<Error> Untrusted(std::string message);
std::unexpected<Error> Denied(std::string message);
std::unexpected<Error> NotFound(std::string message);
std::unexpected<Error> Conflict(std::string message);
std::unexpected<Error> Precondition(std::string message);
std::unexpected<Error> Exhausted(std::string message);
std::unexpected<Error> Unavailable(std::string message);
std::unexpected<Error> Unsupported(std::string message);
std::unexpected<Error> DeadlineExceeded(std::string message);
std::unexpected<Error> Cancelled(std::string message);
std::unexpected<Error> Internal(std::string message);

// The error of errno value `error_number` for `what`: ENOENT is kNotFound, EACCES and EPERM
// kDenied, ENOSPC, EDQUOT and EFBIG kExhausted, EEXIST kConflict, the rest kInternal.
std::unexpected<Error> FromErrno(int error_number, std::string_view what);

template <class T>
Result<T> In(std::string_view context, Result<T> result) {
  if (result.has_value()) return result;
  return std::unexpected(result.error().In(context));
}

}  // namespace strongroom

#define STRONGROOM_CONCAT_(a, b) a##b
#define STRONGROOM_CONCAT(a, b) STRONGROOM_CONCAT_(a, b)

// `ASSIGN_OR_RETURN(const Quote quote, ParseQuote(bytes));` A type with a comma needs `auto` or an
// alias.
#define ASSIGN_OR_RETURN(lhs, ...) \
  ASSIGN_OR_RETURN_(STRONGROOM_CONCAT(result_, __LINE__), lhs, __VA_ARGS__)
#define ASSIGN_OR_RETURN_(tmp, lhs, ...)                                \
  auto tmp = (__VA_ARGS__);                                             \
  if (!tmp.has_value()) return std::unexpected(std::move(tmp).error()); \
  lhs = std::move(tmp).value()

#define RETURN_IF_ERROR(...)                                \
  do {                                                      \
    if (auto status_ = (__VA_ARGS__); !status_.has_value()) \
      return std::unexpected(std::move(status_).error());   \
  } while (false)
