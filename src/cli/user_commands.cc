#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "crypto/cert_builder.h"
#include "crypto/oid.h"

namespace strongroom::cli {
namespace {

constexpr int kUserDays = 365;
constexpr int kMaxUserDays = 36'500;
constexpr std::int64_t kClockSkewSeconds = 300;

// A name becomes a file name and a certificate's CN; both want it plain.
Status CheckUserName(std::string_view name) {
  const bool plain = name.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@") ==
                     std::string_view::npos;
  if (!name.empty() && name.size() <= 64 && plain && name.front() != '.' && name.front() != '-')
    return {};
  return WrongUsage(
      fmt::format("user name \"{}\", wanted up to 64 letters, digits, . _ - @", name));
}

Result<Exit> Create(const Arguments& arguments, Console& console) {
  const std::string& name = arguments.One("NAME");
  RETURN_IF_ERROR(CheckUserName(name));
  const std::string days_text = arguments.Or("days", std::to_string(kUserDays));
  const auto days = ParseDecimal<int>(days_text);
  if (!days || *days < 1 || *days > kMaxUserDays)
    return WrongUsage(fmt::format("--days is \"{}\", wanted 1 to {}", days_text, kMaxUserDays));
  const std::filesystem::path folder = arguments.Or("out", ".");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return FromErrno(error.value(), folder.string());

  ASSIGN_OR_RETURN(const crypto::PrivateKey key,
                   crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  const UnixSeconds now = SystemClock().Now();
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", name}};
  spec.not_before = now + -kClockSkewSeconds;
  spec.not_after = now + std::int64_t{*days} * 86'400;
  spec.key_usage = crypto::kDigitalSignature;
  spec.extended_key_usage = {std::string(crypto::oid::kClientAuth)};
  ASSIGN_OR_RETURN(const crypto::Certificate certificate, crypto::SelfSign(spec, key));

  const std::filesystem::path cert_file = folder / (name + ".crt"),
                              key_file = folder / (name + ".key");
  ASSIGN_OR_RETURN(const bool is_taken, Exists(cert_file));
  Status made;
  if (is_taken) made = FromErrno(EEXIST, cert_file.string());
  if (made) made = CreateFileAtomic(key_file, key.Pkcs8Pem().Reveal(), 0600);
  if (made) made = CreateFileAtomic(cert_file, AsBytes(certificate.Pem()), 0644);
  if (!made) {
    const bool exists = made.error().code() == Code::kConflict;
    console.Failure(made.error(), exists ? "choose another name, or another folder with --out: who "
                                           "named the old certificate knows no other"
                                         : "");
    return Exit::kFailed;
  }
  console.Line(fmt::format(
      "wrote {} (keep it) and {} (goes into the manifest's Users; models take it until {})",
      key_file.string(), cert_file.string(), FormatRfc3339(spec.not_after)));
  console.Json(JsonWriter()
                   .Object()
                   .Key("certificate")
                   .String(cert_file.string())
                   .Key("key")
                   .String(key_file.string())
                   .Key("sha256")
                   .String(HexEncode(certificate.Fingerprint().view()))
                   .Key("notAfter")
                   .String(FormatRfc3339(spec.not_after))
                   .End());
  return Exit::kDone;
}

}  // namespace

std::vector<Command> UserCommands() {
  return {
      {.path = {"user", "create"},
       .summary = "make a key and a self-signed certificate for a user of manifests and models",
       .details = "Writes NAME.key (mode 0600) and NAME.crt; existing files are never "
                  "overwritten. The certificate\n"
                  "names the user in a manifest; it is compared byte for byte. Model servers take "
                  "it for --days days;\n"
                  "coordinators for as long as the manifest names it.",
       .positionals = {{.name = "NAME",
                        .help = "the user's name, also the certificate's common name"}},
       .flags = {{.name = "--out,-o", .value = "FOLDER", .help = "where to write them (default .)"},
                 {.name = "--days",
                  .value = "N",
                  .help = "how long the certificate is valid (default 365)"}},
       .examples = {"strongroom user create alice --out ~/strongroom"},
       .run = Create}};
}

}  // namespace strongroom::cli
