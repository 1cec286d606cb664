#include "cli/pins.h"

#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "base/json.h"

namespace strongroom::cli {

std::string FormatPin(const Pin& pin) {
  JsonWriter out;
  out.Object().Key("root").String(pin.root_pem);
  out.Key("manifest").String(pin.manifest_sha256);
  out.Key("intermediate").String(pin.intermediate_pem).End();
  return std::move(out).Finish();
}

Result<Pin> ParsePin(std::string_view text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(text));
  Pin pin;
  ASSIGN_OR_RETURN(pin.root_pem, document.root().GetString("root"));
  ASSIGN_OR_RETURN(pin.manifest_sha256, document.root().GetString("manifest"));
  ASSIGN_OR_RETURN(pin.intermediate_pem, document.root().GetString("intermediate"));
  return pin;
}

Result<Pins> Pins::OfThisUser() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  if (config != nullptr && *config != '\0') {
    return Pins(std::filesystem::path(config) / "strongroom" / "coordinators");
  }
  if (home == nullptr || *home == '\0') {
    return Precondition("neither XDG_CONFIG_HOME nor HOME is set, so there is no place for pins");
  }
  return Pins(std::filesystem::path(home) / ".config" / "strongroom" / "coordinators");
}

std::filesystem::path Pins::FileOf(std::string_view address) const {
  return folder_ / (PercentEncode(address) + ".json");
}

Result<std::optional<Pin>> Pins::Find(std::string_view address) const {
  const std::filesystem::path file = FileOf(address);
  const Result<std::string> text = ReadTextFile(file, 64 * 1024);
  if (!text.has_value() && text.error().code() == Code::kNotFound) return std::nullopt;
  if (!text.has_value()) return std::unexpected(text.error());
  ASSIGN_OR_RETURN(Pin pin, In(file.string(), ParsePin(*text)));
  return pin;
}

Status Pins::Save(std::string_view address, const Pin& pin) const {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) return FromErrno(error.value(), folder_.string());
  return WriteFileAtomic(FileOf(address), AsBytes(FormatPin(pin)), 0600);
}

Status Pins::Remember(std::string_view address, Pin pin) const {
  ASSIGN_OR_RETURN(const std::optional<Pin> before, Find(address));
  if (pin.manifest_sha256.empty() && before.has_value() && !before->manifest_sha256.empty()) {
    if (before->root_pem != pin.root_pem) {
      return Conflict(fmt::format(
          "{} shows another root than the one that was verified with manifest {}; run \"strongroom "
          "verify {} --identity FILE --manifest FILE|SHA256\" to accept it",
          address, before->manifest_sha256, address));
    }
    pin.manifest_sha256 = before->manifest_sha256;
  }
  return Save(address, pin);
}

}  // namespace strongroom::cli
