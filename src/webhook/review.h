#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace strongroom::webhook {

// Objects of the API are at most 3 MiB, and a review may hold two and what surrounds them.
inline constexpr std::size_t kMaxReviewBytes = 7 << 20;

// What an API server asks: an AdmissionReview of admission.k8s.io/v1. Views of its document.
class Review {
 public:
  // kMalformed: not JSON, another kind, a version other than v1, no request or no uid;
  // kExhausted: too large.
  static Result<Review> Parse(std::string_view body);

  std::string_view uid() const { return uid_; }
  std::string_view operation() const { return operation_; }  // CREATE, UPDATE, DELETE, CONNECT
  std::string_view name_space() const { return name_space_; }
  std::string_view resource() const { return resource_; }  // "pods"
  std::string_view subresource() const { return subresource_; }
  std::string_view kind() const { return kind_; }  // "Pod"
  const Json* object() const { return object_; }   // null: none

 private:
  explicit Review(JsonDocument document) : document_(std::move(document)) {}
  Status Read();

  JsonDocument document_;
  std::string_view uid_;
  std::string_view operation_;
  std::string_view name_space_;
  std::string_view resource_;
  std::string_view subresource_;
  std::string_view kind_;
  const Json* object_ = nullptr;
};

// What the API server is told. A patch is there or not, an empty one never.
struct Verdict {
  std::optional<Error> denial = std::nullopt;  // none: allowed
  std::string patch = {};                      // text of a JSON Patch; empty: none
  std::vector<std::string> warnings = {};
};

// The AdmissionReview that answers the request of this uid. Denials of code kDenied are 403
// Forbidden to the user, others 422 Invalid: what was asked for makes no sense.
std::string WriteVerdict(std::string_view uid, const Verdict& verdict);

}  // namespace strongroom::webhook
