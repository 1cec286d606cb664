#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/x509.h"

namespace strongroom::cli {

// What an earlier verification established about a coordinator.
struct Pin {
  std::string root_pem = "";          // its root certificate, verified by evidence
  std::string manifest_sha256 = "";   // hex; empty while no manifest was verified
  std::string intermediate_pem = "";  // of the last answer
};

// A pin as its file holds it, and back. kMalformed for anything but an object of the three texts.
std::string FormatPin(const Pin& pin);
Result<Pin> ParsePin(std::string_view text);

// Pins of this user, one file a coordinator, under $XDG_CONFIG_HOME/strongroom/coordinators
// (default ~/.config). Written atomically, mode 0600.
class Pins {
 public:
  // kPrecondition when neither XDG_CONFIG_HOME nor HOME is set.
  static Result<Pins> OfThisUser();
  explicit Pins(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Nothing when there is none; kMalformed, naming the file, when it cannot be read as a pin.
  Result<std::optional<Pin>> Find(std::string_view address) const;
  Status Save(std::string_view address, const Pin& pin) const;

  // Saves what a verification established. When it did not look at the manifest (empty
  // fingerprint), a fingerprint pinned for the same root stays, and another root than the one
  // pinned together with a manifest is kConflict: that is another coordinator, which takes the
  // place of the first only once its manifest was verified.
  Status Remember(std::string_view address, Pin pin) const;

  std::filesystem::path FileOf(std::string_view address) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace strongroom::cli
