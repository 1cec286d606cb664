#include "serving/models/folder_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "crypto/hash.h"
#include "pfs/file_reader.h"
#include "pfs/storage.h"

namespace strongroom::serving::models {
namespace {

namespace fs = std::filesystem;

Result<UniqueFd> OpenRegular(const fs::path& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return FromErrno(errno, path.string());
  struct stat status = {};
  if (fstat(fd.get(), &status) != 0) return FromErrno(errno, path.string());
  if (!S_ISREG(status.st_mode))
    return Malformed(fmt::format("{} is no regular file", path.string()));
  return fd;
}

// Every version that the owner names can be served; nothing else was set (manifest check).
Result<ModelLayout> LayoutOf(const ModelTrust& trust) {
  std::vector<std::string_view> names;
  for (const auto& [name, digest] : trust.files) {
    names.emplace_back(name);
    if (digest.size() != crypto::Sha256Digest::kSize) {
      return Malformed(
          fmt::format("digest of model file {} has {} bytes, wanted 32", name, digest.size()));
    }
  }
  if (names.empty()) return Malformed("its owner names 0 files");
  ModelLayout layout = ReadModelLayout(names);
  if (!layout.problems.empty()) {
    return Malformed("of the files that its owner names, " + layout.problems.front());
  }
  return layout;
}

// Folders of versions that lie there now, by their numbers.
Result<std::map<std::int64_t, std::string>> VersionFolders(std::string_view model,
                                                           const fs::path& folder) {
  std::error_code error;
  std::map<std::int64_t, std::string> out;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const auto version = ParseModelVersion(name);
    if (!version || !entry->is_directory(error)) continue;
    std::string& known = out[*version];
    known = std::max(known, name);
  }
  if (error)
    return NotFound(
        fmt::format("model {}: folder {}: {}", model, folder.string(), error.message()));
  return out;
}

}  // namespace

Result<std::unique_ptr<ProtectedFolder>> ProtectedFolder::Make(std::string model, fs::path folder,
                                                               ModelTrust trust, unsigned threads) {
  ASSIGN_OR_RETURN(ModelLayout layout, In(fmt::format("model {}", model), LayoutOf(trust)));
  if (trust.embedded_prefix.empty()) trust.embedded_prefix = model;
  return std::unique_ptr<ProtectedFolder>(new ProtectedFolder(
      std::move(model), std::move(folder), std::move(trust), std::move(layout), threads));
}

Result<std::vector<std::int64_t>> ProtectedFolder::Versions(std::string_view model) {
  if (model != model_) return NotFound(fmt::format("model {} is not in this folder", model));
  std::vector<std::int64_t> out;
  for (const auto& [version, files] : layout_.versions) out.push_back(version);
  return out;
}

Result<Buffer> ProtectedFolder::ReadFile(const std::string& name) const {
  const Bytes& named = trust_.files.at(name);
  const fs::path path = folder_ / name;
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenRegular(path));
  const pfs::FdSource source(fd.get(), path.string());
  ASSIGN_OR_RETURN(const pfs::FileReader reader,
                   pfs::FileReader::Open(source, trust_.key,
                                         fmt::format("{}/{}", trust_.embedded_prefix, name)));
  ASSIGN_OR_RETURN(Buffer plaintext, Buffer::Allocate(static_cast<std::size_t>(reader.size()),
                                                      Secrecy::kConfidential));
  RETURN_IF_ERROR(reader.ReadAll(plaintext.writable(), {.threads = threads_}));
  if (!Equal(crypto::Sha256(plaintext.view()).view(), named)) {
    return std::unexpected(
        Error(Code::kUntrusted,
              fmt::format(
                  "{} is genuine, but another state of it than the owner names: wanted SHA-256 {}",
                  path.string(), HexEncode(named)),
              "models.other-content"));
  }
  return plaintext;
}

Result<ModelFiles> ProtectedFolder::Read(std::string_view model, std::int64_t version) {
  if (model != model_) return NotFound(fmt::format("model {} is not in this folder", model));
  const auto named = layout_.versions.find(version);
  if (named == layout_.versions.end()) {
    return Precondition(
        fmt::format("model {}: its owner names no files of version {}", model, version));
  }
  const ModelVersionFiles& names = named->second;
  ModelFiles files;
  if (names.HasIr()) {
    files.format = ModelFormat::kOpenVinoIr;
    ASSIGN_OR_RETURN(files.graph, ReadFile(names.NameOf(kIrGraph)));
    ASSIGN_OR_RETURN(files.weights, ReadFile(names.NameOf(kIrWeights)));
    return files;
  }
  files.format = ModelFormat::kOnnx;
  ASSIGN_OR_RETURN(files.graph, ReadFile(names.NameOf(kOnnx)));
  return files;
}

Result<std::vector<std::int64_t>> InsecurePlainFolder::Versions(std::string_view model) {
  ASSIGN_OR_RETURN(const auto folders, VersionFolders(model, folder_));
  std::vector<std::int64_t> versions;
  for (const auto& [version, name] : folders) versions.push_back(version);
  return versions;
}

Result<ModelFiles> InsecurePlainFolder::Read(std::string_view model, std::int64_t version) {
  ASSIGN_OR_RETURN(const auto folders, VersionFolders(model, folder_));
  const auto found = folders.find(version);
  if (found == folders.end()) {
    return NotFound(fmt::format("model {}: no version {} in {}", model, version, folder_.string()));
  }
  const fs::path folder = folder_ / found->second;
  const auto read = [&](std::string_view file) -> Result<Buffer> {
    ASSIGN_OR_RETURN(const UniqueFd fd, OpenRegular(folder / file));
    const pfs::FdSource source(fd.get(), (folder / file).string());
    ASSIGN_OR_RETURN(const std::uint64_t size, source.Size());
    ASSIGN_OR_RETURN(Buffer bytes,
                     Buffer::Allocate(static_cast<std::size_t>(size), Secrecy::kOrdinary));
    RETURN_IF_ERROR(source.ReadAt(0, bytes.writable()));
    return bytes;
  };
  ModelFiles files;
  ASSIGN_OR_RETURN(const bool has_onnx, Exists(folder / kOnnx));
  ASSIGN_OR_RETURN(const bool has_graph, Exists(folder / kIrGraph));
  if (has_onnx && !has_graph) {
    files.format = ModelFormat::kOnnx;
    ASSIGN_OR_RETURN(files.graph, read(kOnnx));
    return files;
  }
  ASSIGN_OR_RETURN(files.graph, read(kIrGraph));
  ASSIGN_OR_RETURN(files.weights, read(kIrWeights));
  return files;
}

}  // namespace strongroom::serving::models
