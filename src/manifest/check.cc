#include "manifest/check.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "crypto/x509.h"
#include "manifest/checks.h"

namespace strongroom::manifest {
namespace checks {

void Collector::Problem(std::string_view id, std::string path, std::string text) {
  report_.problems.push_back({std::string(id), std::move(path), std::move(text)});
}

void Collector::Unsupported(std::string_view id, std::string path, std::string text) {
  report_.unsupported.push_back({std::string(id), std::move(path), std::move(text)});
}

void Collector::Note(std::string_view id, std::string path, std::string text) {
  report_.notes.push_back({std::string(id), std::move(path), std::move(text)});
}

bool IsIpAddress(std::string_view text) {
  const std::string terminated(text);
  unsigned char address[16];
  return !text.contains('\0') && (inet_pton(AF_INET, terminated.c_str(), address) == 1 ||
                                  inet_pton(AF_INET6, terminated.c_str(), address) == 1);
}

bool IsDnsName(std::string_view text) {
  constexpr std::size_t max_name = 253, max_label = 63;
  if (text.starts_with("*.")) text.remove_prefix(2);
  if (text.empty() || text.size() > max_name) return false;
  std::size_t label = 0;
  for (const char c : text) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    if (!plain || ++label > max_label) return false;
  }
  return label > 0;
}

}  // namespace checks

Status CheckReport::ToStatus() const {
  const auto others = [](std::size_t count) {
    return count > 1 ? fmt::format(" (and {} more)", count - 1) : "";
  };
  if (!problems.empty()) return Malformed(problems.front().ToString() + others(problems.size()));
  if (!unsupported.empty())
    return Unsupported(unsupported.front().ToString() + others(unsupported.size()));
  return {};
}

CheckReport CheckManifest(const Manifest& manifest) {
  CheckReport report;
  checks::Collector at(report);
  checks::CheckPackages(manifest, at);
  checks::CheckMarbles(manifest, at);
  checks::CheckModels(manifest, at);
  checks::CheckSecrets(manifest, at);
  checks::CheckUsers(manifest, at);
  checks::CheckRoles(manifest, at);
  checks::CheckTls(manifest, at);
  checks::CheckConfig(manifest, at);
  for (const Remark& remark : manifest.unknown) report.notes.push_back(remark);
  return report;
}

std::vector<Remark> CheckValidity(const Manifest& manifest, UnixSeconds now) {
  constexpr std::int64_t kMonth = 30 * std::int64_t{86'400};
  std::vector<Remark> out;
  for (const auto& [name, user] : manifest.users) {
    const auto parsed = crypto::Certificate::FromDer(user.certificate_der);
    if (!parsed.has_value()) continue;  // CheckManifest says so
    const UnixSeconds begin = parsed->fields().not_before, end = parsed->fields().not_after;
    std::string text;
    if (now < begin)
      text =
          fmt::format("is valid from {} on: model servers refuse it before", FormatRfc3339(begin));
    else if (now > end)
      text = fmt::format("ended at {}: model servers refuse it", FormatRfc3339(end));
    else if (now + kMonth > end)
      text = fmt::format("ends at {}: model servers refuse it then", FormatRfc3339(end));
    if (!text.empty())
      out.push_back({"user.validity", fmt::format("Users.{}.Certificate", name), std::move(text)});
  }
  return out;
}

}  // namespace strongroom::manifest
