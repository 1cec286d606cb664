#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace strongroom {

// What a caller can do about a failure; few on purpose. Why an appraisal failed is told by
// findings, not by codes.
enum class Code {
  kMalformed,  // the input is not what its format says; never retry as it is
  kUntrusted,  // evidence, signature or credential did not convince
  kDenied,     // known, but not allowed
  kNotFound,
  kConflict,      // the state is another than the caller thinks
  kPrecondition,  // not now, in this state
  kExhausted,     // a limit was reached: size, count, rate
  kUnavailable,   // try again later
  kUnsupported,   // well-formed, but nothing here does it
  kDeadline,
  kCancelled,
  kInternal,  // our own fault or the machine's
};

// The code's name without the k, in lower case: "malformed".
std::string_view CodeName(Code code);

// A failure as a value. The message says what was found, then what was wanted, and carries no
// secret.
class Error {
 public:
  // `finding` is a literal, or empty.
  Error(Code code, std::string message, std::string_view finding = {})
      : code_(code), message_(std::move(message)), finding_(finding) {}

  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  // The stable id of what was found wrong ("pfs.node.tampered"), for programs that must tell cases
  // of one code apart. Empty where nobody has to.
  std::string_view finding() const { return finding_; }

  // "malformed: quote has 12 bytes, wanted at least 436"
  std::string ToString() const;

  // The same failure seen from further out: "`context`: message", the context said once.
  Error In(std::string_view context) const;

 private:
  Code code_;
  std::string message_;
  std::string_view finding_;
};

}  // namespace strongroom
