#pragma once

#include <string>
#include <string_view>

#include "manifest/check.h"

// The parts of CheckManifest, one section of the document each. Private to this room.
namespace strongroom::manifest::checks {

// Collects remarks: `at.Problem("marble.package", path, text)`.
class Collector {
 public:
  explicit Collector(CheckReport& report) : report_(report) {}

  void Problem(std::string_view id, std::string path, std::string text);
  void Unsupported(std::string_view id, std::string path, std::string text);
  void Note(std::string_view id, std::string path, std::string text);

 private:
  CheckReport& report_;
};

void CheckPackages(const Manifest& manifest, Collector& at);
void CheckMarbles(const Manifest& manifest, Collector& at);
void CheckModels(const Manifest& manifest, Collector& at);
void CheckSecrets(const Manifest& manifest, Collector& at);
void CheckUsers(const Manifest& manifest, Collector& at);
void CheckRoles(const Manifest& manifest, Collector& at);
void CheckTls(const Manifest& manifest, Collector& at);
void CheckConfig(const Manifest& manifest, Collector& at);

// A name that a certificate can carry: an IP address, or a DNS name of letters, digits, - and _ (a
// leading "*." too).
bool IsIpAddress(std::string_view text);
bool IsDnsName(std::string_view text);

}  // namespace strongroom::manifest::checks
