#include "pfs/path.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace strongroom::pfs {
namespace {

void AppendPart(std::vector<std::string_view>& parts, std::string_view part, bool absolute) {
  if (part.empty() || part == ".") return;
  const bool up = part == "..";
  if (up && !parts.empty() && parts.back() != "..") {
    parts.pop_back();
  } else if (!up || !absolute) {  // "/.." is "/"; a relative path keeps its way up
    parts.push_back(part);
  }
}

}  // namespace

Result<std::string> NormalizePath(std::string_view path) {
  if (path.contains('\0')) return Malformed("a path with a NUL byte, wanted text without");
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    AppendPart(parts, path.substr(begin, end - begin), absolute);
    begin = end + 1;
  }
  if (parts.empty()) return Malformed(fmt::format("path \"{}\" names no file", path));
  std::string out(absolute ? "/" : "");
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += '/';
    out += parts[i];
  }
  if (out.size() > kMaxPathSize) {
    return Malformed(fmt::format("a path of {} bytes, wanted at most {}: \"{}\"", out.size(),
                                 kMaxPathSize, out));
  }
  return out;
}

Result<std::string> JoinPath(std::string_view folder, std::string_view name) {
  if (folder.empty()) return NormalizePath(name);  // not "/name": relative stays relative
  return NormalizePath(fmt::format("{}/{}", folder, name));
}

}  // namespace strongroom::pfs
