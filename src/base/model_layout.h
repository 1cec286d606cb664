#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// How the files of a model lie in its folder: <version>/<file>. What a manifest may name and what a
// model server loads is decided here, for both: a manifest is set once, and must not promise what
// no server would take.
namespace strongroom {

inline constexpr std::string_view kIrGraph = "model.xml";
inline constexpr std::string_view kIrWeights = "model.bin";
inline constexpr std::string_view kOnnx = "model.onnx";

// The number that a version's folder is named by, and a request asks for: decimal digits that fit
// 63 bits, as TensorFlow Serving reads them: zeros may stand before them ("00000123" is 123). Empty
// for anything else.
std::optional<std::int64_t> ParseModelVersion(std::string_view folder);

// The files of one version. IR needs both of its files.
struct ModelVersionFiles {
  std::string folder;  // as it is spelled: "1", "00000123"
  std::set<std::string, std::less<>> files;

  bool HasIr() const { return files.contains(kIrGraph) && files.contains(kIrWeights); }
  bool HasOnnx() const { return files.contains(kOnnx); }
  // The name of a file of this version within the model: "00000123/model.xml".
  std::string NameOf(std::string_view file) const;
};

struct ModelLayout {
  std::map<std::int64_t, ModelVersionFiles> versions;
  // What no server would take, a sentence each: names that are not <version>/<file>, two folders of
  // one number, versions without a model. Empty: every version can be served.
  std::vector<std::string> problems;
};

ModelLayout ReadModelLayout(const std::vector<std::string_view>& names);

}  // namespace strongroom
