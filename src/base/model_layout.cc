#include "base/model_layout.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/plain_path.h"
#include "base/text.h"

namespace strongroom {

std::optional<std::int64_t> ParseModelVersion(std::string_view folder) {
  constexpr std::size_t max_name = 255;  // of a folder, in any file system
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (folder.size() > max_name || !std::ranges::all_of(folder, digit)) return std::nullopt;
  return ParseDecimal<std::int64_t>(folder);
}

std::string ModelVersionFiles::NameOf(std::string_view file) const {
  return fmt::format("{}/{}", folder, file);
}

ModelLayout ReadModelLayout(const std::vector<std::string_view>& names) {
  ModelLayout out;
  for (const std::string_view name : names) {
    const std::string_view folder = name.substr(0, name.find('/'));
    const auto version = ParseModelVersion(folder);
    if (!version || folder.size() == name.size() || !IsPlainRelativePath(name)) {
      out.problems.push_back(fmt::format("\"{}\" is not <version>/<file> with a number for version",
                                         name.substr(0, 80)));
      continue;
    }
    ModelVersionFiles& files = out.versions[*version];
    if (files.folder.empty()) files.folder = folder;
    if (files.folder != folder) {
      out.problems.push_back(fmt::format("\"{}\" and \"{}\" are both version {}, wanted one folder",
                                         files.folder, folder, *version));
      continue;
    }
    files.files.emplace(name.substr(folder.size() + 1));
  }
  for (const auto& [version, files] : out.versions) {
    if (files.HasIr() || files.HasOnnx()) continue;
    out.problems.push_back(fmt::format("version {} has no model, wanted {} with {}, or {}",
                                       files.folder, files.NameOf(kIrGraph),
                                       files.NameOf(kIrWeights), files.NameOf(kOnnx)));
  }
  return out;
}

}  // namespace strongroom
