#include "webhook/review.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "webhook/pod.h"

namespace strongroom::webhook {
namespace {

constexpr std::string_view kApiVersion = "admission.k8s.io/v1";
constexpr std::string_view kKind = "AdmissionReview";
constexpr std::size_t kMaxUid = 128;
constexpr std::size_t kMaxWarning = 255;
constexpr std::size_t kMaxMessage = 2048;

JsonLimits Limits() {
  // Of no interest here, and the larger half of most pods.
  return {.max_bytes = kMaxReviewBytes,
          .max_depth = 64,
          .max_values = 100'000,
          .verbatim = {"managedFields", "oldObject"}};
}

std::string_view TextIn(const Json& object, std::string_view member) {
  const Json* value = object.Find(member);
  return value != nullptr && value->IsString() ? *value->String() : std::string_view();
}

std::string_view TextIn(const Json& object, std::string_view member, std::string_view inner) {
  const Json* value = object.Find(member);
  return value == nullptr ? std::string_view() : TextIn(*value, inner);
}

// No longer than `most` bytes, not ending inside a character.
std::string_view Shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

void WriteDenial(JsonWriter& writer, const Error& denial) {
  const bool forbidden = denial.code() == Code::kDenied;
  writer.Key("status").Object().Key("status").String("Failure");
  writer.Key("code").Int(forbidden ? 403 : 422);
  writer.Key("reason").String(forbidden ? "Forbidden" : "Invalid");
  const std::string message = "strongroom: " + denial.message();
  writer.Key("message").String(Shortened(message, kMaxMessage)).End();
}

}  // namespace

Result<Review> Review::Parse(std::string_view body) {
  ASSIGN_OR_RETURN(JsonDocument document, JsonDocument::Parse(body, Limits()));
  Review out(std::move(document));
  RETURN_IF_ERROR(out.Read());
  return out;
}

Status Review::Read() {
  const Json& root = document_.root();
  if (!root.IsObject()) return Malformed("the body is no object, wanted an AdmissionReview");
  if (const auto kind = TextIn(root, "kind"); kind != kKind)
    return Malformed(fmt::format("kind is \"{}\", wanted {}", Shortened(kind, 63), kKind));
  if (const auto version = TextIn(root, "apiVersion"); version != kApiVersion)
    return Malformed(
        fmt::format("apiVersion is \"{}\", wanted {}", Shortened(version, 63), kApiVersion));
  ASSIGN_OR_RETURN(const Json* request, ObjectMember(root, "request"));
  if (request == nullptr) return Malformed("the review has no request");
  uid_ = TextIn(*request, "uid");
  if (uid_.empty() || uid_.size() > kMaxUid)
    return Malformed(
        fmt::format("request.uid has {} characters, wanted 1 to {}", uid_.size(), kMaxUid));
  operation_ = TextIn(*request, "operation");
  name_space_ = TextIn(*request, "namespace");
  resource_ = TextIn(*request, "resource", "resource");
  subresource_ = TextIn(*request, "subResource");
  kind_ = TextIn(*request, "kind", "kind");
  object_ = request->Find("object");
  if (object_ != nullptr && object_->IsNull()) object_ = nullptr;
  return {};
}

std::string WriteVerdict(std::string_view uid, const Verdict& verdict) {
  JsonWriter writer;
  writer.Object().Key("apiVersion").String(kApiVersion).Key("kind").String(kKind);
  writer.Key("response").Object().Key("uid").String(uid);
  writer.Key("allowed").Bool(!verdict.denial.has_value());
  if (verdict.denial.has_value()) {
    WriteDenial(writer, *verdict.denial);
  } else if (!verdict.patch.empty()) {
    writer.Key("patchType").String("JSONPatch");
    writer.Key("patch").String(Base64Encode(AsBytes(verdict.patch)));
  }
  if (!verdict.warnings.empty()) {
    writer.Key("warnings").Array();
    for (const std::string& warning : verdict.warnings)
      writer.String(Shortened(warning, kMaxWarning));
    writer.End();
  }
  return std::move(writer.End().End()).Finish();
}

}  // namespace strongroom::webhook
