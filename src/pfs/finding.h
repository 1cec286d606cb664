#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strongroom::pfs {

// Why a file was refused. What the format lets a reader tell apart, and no more: the metadata's tag
// fails in the same way under a wrong key and over changed bytes, so these two are one finding.
enum class Finding {
  kNotAProtectedFile,           // "pfs.not-a-protected-file"           kMalformed
  kUnsupportedVersion,          // "pfs.unsupported-version"            kUnsupported
  kWrongKeyOrTamperedMetadata,  // "pfs.wrong-key-or-tampered-metadata" kUntrusted
  kMalformedMetadata,  // "pfs.malformed-metadata"             kMalformed; only a holder of the key
                       // can cause it
  kWrongPath,          // "pfs.wrong-path"                     kUntrusted
  kTruncated,          // "pfs.truncated"                      kMalformed
  kTamperedNode,       // "pfs.tampered-node"                  kUntrusted
};

// The stable id, as in the list above.
std::string_view FindingId(Finding finding);

// The finding an error of this room carries; empty for failures that say nothing about the file
// (I/O, wrong arguments).
std::optional<Finding> FindingOf(const Error& error);

// An error with the finding's code and id.
std::unexpected<Error> Refuse(Finding finding, std::string message);

}  // namespace strongroom::pfs
