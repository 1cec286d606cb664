#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace strongroom::cli {

// The fingerprint (hex SHA-256) that a FILE|SHA256 argument means: 64 hexadecimal digits are one,
// anything else names a manifest file.
Result<std::string> FingerprintOf(std::string_view file_or_sha256);

// kConflict, naming both, when they differ.
Status ExpectFingerprint(std::string_view address, std::string_view found, std::string_view wanted);

// A manifest file's bytes. kExhausted over 4 MiB.
Result<std::string> ReadManifestFile(const std::string& path);

}  // namespace strongroom::cli
