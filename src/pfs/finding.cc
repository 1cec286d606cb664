#include "pfs/finding.h"

#include <array>
#include <utility>

namespace strongroom::pfs {
namespace {

struct Row {
  Finding finding;
  std::string_view id;
  Code code;
};

constexpr std::array kRows = {
    Row{Finding::kNotAProtectedFile, "pfs.not-a-protected-file", Code::kMalformed},
    Row{Finding::kUnsupportedVersion, "pfs.unsupported-version", Code::kUnsupported},
    Row{Finding::kWrongKeyOrTamperedMetadata, "pfs.wrong-key-or-tampered-metadata",
        Code::kUntrusted},
    Row{Finding::kMalformedMetadata, "pfs.malformed-metadata", Code::kMalformed},
    Row{Finding::kWrongPath, "pfs.wrong-path", Code::kUntrusted},
    Row{Finding::kTruncated, "pfs.truncated", Code::kMalformed},
    Row{Finding::kTamperedNode, "pfs.tampered-node", Code::kUntrusted},
};

const Row& RowOf(Finding finding) {
  for (const Row& row : kRows) {
    if (row.finding == finding) return row;
  }
  std::unreachable();
}

}  // namespace

std::string_view FindingId(Finding finding) { return RowOf(finding).id; }

std::optional<Finding> FindingOf(const Error& error) {
  for (const Row& row : kRows) {
    if (row.id == error.finding()) return row.finding;
  }
  return std::nullopt;
}

std::unexpected<Error> Refuse(Finding finding, std::string message) {
  const Row& row = RowOf(finding);
  return std::unexpected(Error(row.code, std::move(message), row.id));
}

}  // namespace strongroom::pfs
