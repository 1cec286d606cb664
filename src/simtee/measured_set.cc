#include "simtee/measured_set.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/json.h"
#include "simtee/library_closure.h"

namespace strongroom::simtee {
namespace {

constexpr std::string_view kRecordFormat = "strongroom-enclave/1";

Status AddFile(MeasuredSet& set, const DescribedFile& file, const FileTree& tree) {
  ASSIGN_OR_RETURN(FrozenFile content, In("file", FrozenFile::Freeze(file.source, tree)));
  const auto [it, added] = set.try_emplace(
      file.path, MeasuredFile{.role = FileRole::kConfiguration, .content = std::move(content)});
  if (!added)
    return Malformed(fmt::format("files names {}, which is a {} already", file.path,
                                 FileRoleName(it->second.role)));
  return {};
}

void WriteStrings(JsonWriter& json, std::string_view name, const std::vector<std::string>& items) {
  json.Key(name).Array();
  for (const std::string& item : items) json.String(item);
  json.End();
}

void WriteDescription(JsonWriter& json, const LaunchDescription& description) {
  json.Key("program").String(description.program);
  WriteStrings(json, "argv", description.argv);
  json.Key("env").Object();
  for (const auto& [name, value] : description.env) json.Key(name).String(value);
  json.End();
  WriteStrings(json, "host_env", description.host_env);
  WriteStrings(json, "programs", description.programs);
  WriteStrings(json, "plugins", description.plugins);
  json.Key("mounts").Array();
  for (const DescribedMount& mount : description.mounts) {
    json.Object().Key("path").String(mount.path).Key("writable").Bool(mount.writable).End();
  }
  json.End();
  json.Key("working_directory").String(description.working_directory);
}

}  // namespace

std::string_view FileRoleName(FileRole role) {
  switch (role) {
    case FileRole::kProgram: return "program";
    case FileRole::kInterpreter: return "interpreter";
    case FileRole::kLibrary: return "library";
    case FileRole::kPlugin: return "plugin";
    case FileRole::kConfiguration: return "file";
  }
  std::abort();
}

Result<MeasuredSet> FreezeMeasuredSet(const LaunchDescription& description, const FileTree& tree) {
  MeasuredSet set;
  LibraryClosure closure(set, tree);
  RETURN_IF_ERROR(closure.AddProgram(description.program));
  for (const std::string& program : description.programs)
    RETURN_IF_ERROR(closure.AddProgram(program));
  for (const std::string& plugin : description.plugins) RETURN_IF_ERROR(closure.AddPlugin(plugin));
  for (const DescribedFile& file : description.files) RETURN_IF_ERROR(AddFile(set, file, tree));
  return set;
}

std::string MeasurementRecord(const LaunchDescription& description, const MeasuredSet& files) {
  JsonWriter json;
  json.Object().Key("format").String(kRecordFormat);
  WriteDescription(json, description);
  json.Key("files").Array();
  for (const auto& [path, file] : files) {
    json.Object().Key("path").String(path).Key("role").String(FileRoleName(file.role));
    json.Key("sha256").String(HexEncode(file.content.sha256().view())).End();
  }
  json.End().End();
  return std::move(json).Finish();
}

attest::MrEnclave Measure(std::string_view record) {
  return attest::MrEnclave(crypto::Sha256(AsBytes(record)).array());
}

}  // namespace strongroom::simtee
