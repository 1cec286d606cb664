#include "serving/models/folder_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "pfs/file_reader.h"
#include "pfs/storage.h"

namespace strongroom::serving::models {
namespace {

namespace fs = std::filesystem;

// A version is a decimal number in the one form that names its folder: no leading zeros.
std::optional<std::int64_t> ParseVersion(std::string_view text) {
  const auto value = ParseDecimal<std::int64_t>(text);
  return value && *value >= 0 && std::to_string(*value) == text ? value : std::nullopt;
}

std::string Key(std::int64_t version, std::string_view file) {
  return fmt::format("{}/{}", version, file);
}

Result<UniqueFd> OpenRegular(const fs::path& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return FromErrno(errno, path.string());
  struct stat status = {};
  if (fstat(fd.get(), &status) != 0) return FromErrno(errno, path.string());
  if (!S_ISREG(status.st_mode))
    return Malformed(fmt::format("{} is no regular file", path.string()));
  return fd;
}

// The names a version may have: IR needs both of its files.
bool HasIr(const std::map<std::string, Bytes>& files, std::int64_t version) {
  return files.contains(Key(version, kIrGraph)) && files.contains(Key(version, kIrWeights));
}
bool HasOnnx(const std::map<std::string, Bytes>& files, std::int64_t version) {
  return files.contains(Key(version, kOnnx));
}

Result<std::set<std::int64_t>> NamedVersions(const std::map<std::string, Bytes>& files) {
  std::set<std::int64_t> versions;
  for (const auto& [name, digest] : files) {
    const auto slash = name.find('/');
    const auto version = slash == std::string::npos
                             ? std::nullopt
                             : ParseVersion(std::string_view(name).substr(0, slash));
    if (!version || Key(*version, name.substr(slash + 1)) != name) {
      return Malformed(fmt::format("model file \"{}\", wanted <version>/<file>", name));
    }
    if (digest.size() != crypto::Sha256Digest::kSize) {
      return Malformed(
          fmt::format("digest of model file {} has {} bytes, wanted 32", name, digest.size()));
    }
    if (HasIr(files, *version) || HasOnnx(files, *version)) versions.insert(*version);
  }
  return versions;
}

}  // namespace

Result<std::unique_ptr<ProtectedFolder>> ProtectedFolder::Make(std::string model, fs::path folder,
                                                               ModelTrust trust, unsigned threads) {
  auto versions = In(fmt::format("model {}", model), NamedVersions(trust.files));
  if (!versions) return std::unexpected(versions.error());
  if (versions->empty()) {
    return Malformed(
        fmt::format("model {}: its owner names {} files, wanted {} and {}, or {}, of some version",
                    model, trust.files.size(), kIrGraph, kIrWeights, kOnnx));
  }
  if (trust.embedded_prefix.empty()) trust.embedded_prefix = model;
  return std::unique_ptr<ProtectedFolder>(
      new ProtectedFolder(std::move(model), std::move(folder), std::move(trust), threads));
}

Result<std::vector<std::int64_t>> ProtectedFolder::Versions(std::string_view model) {
  if (model != model_) return NotFound(fmt::format("model {} is not in this folder", model));
  ASSIGN_OR_RETURN(const std::set<std::int64_t> versions, NamedVersions(trust_.files));
  return std::vector<std::int64_t>(versions.begin(), versions.end());
}

Result<Buffer> ProtectedFolder::ReadFile(std::int64_t version, std::string_view file) const {
  const std::string name = Key(version, file);
  const auto named = trust_.files.find(name);
  if (named == trust_.files.end())
    return Precondition(fmt::format("the owner names no file {}", name));
  const fs::path path = folder_ / std::to_string(version) / file;
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenRegular(path));
  const pfs::FdSource source(fd.get(), path.string());
  ASSIGN_OR_RETURN(const pfs::FileReader reader,
                   pfs::FileReader::Open(source, trust_.key,
                                         fmt::format("{}/{}", trust_.embedded_prefix, name)));
  ASSIGN_OR_RETURN(Buffer plaintext, Buffer::Allocate(static_cast<std::size_t>(reader.size()),
                                                      Secrecy::kConfidential));
  RETURN_IF_ERROR(reader.ReadAll(plaintext.writable(), {.threads = threads_}));
  if (!Equal(crypto::Sha256(plaintext.view()).view(), named->second)) {
    return std::unexpected(
        Error(Code::kUntrusted,
              fmt::format(
                  "{} is genuine, but another state of it than the owner names: wanted SHA-256 {}",
                  path.string(), HexEncode(named->second)),
              "models.other-content"));
  }
  return plaintext;
}

Result<ModelFiles> ProtectedFolder::Read(std::string_view model, std::int64_t version) {
  if (model != model_) return NotFound(fmt::format("model {} is not in this folder", model));
  ModelFiles files;
  if (HasIr(trust_.files, version)) {
    files.format = ModelFormat::kOpenVinoIr;
    ASSIGN_OR_RETURN(files.graph, ReadFile(version, kIrGraph));
    ASSIGN_OR_RETURN(files.weights, ReadFile(version, kIrWeights));
    return files;
  }
  if (!HasOnnx(trust_.files, version)) {
    return Precondition(
        fmt::format("model {}: its owner names no files of version {}", model, version));
  }
  files.format = ModelFormat::kOnnx;
  ASSIGN_OR_RETURN(files.graph, ReadFile(version, kOnnx));
  return files;
}

Result<std::vector<std::int64_t>> InsecurePlainFolder::Versions(std::string_view model) {
  std::error_code error;
  std::vector<std::int64_t> versions;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto version = ParseVersion(entry->path().filename().string());
    if (version && entry->is_directory(error)) versions.push_back(*version);
  }
  if (error)
    return NotFound(
        fmt::format("model {}: folder {}: {}", model, folder_.string(), error.message()));
  std::sort(versions.begin(), versions.end());
  return versions;
}

Result<ModelFiles> InsecurePlainFolder::Read(std::string_view, std::int64_t version) {
  const fs::path folder = folder_ / std::to_string(version);
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
  if (fs::exists(folder / kOnnx) && !fs::exists(folder / kIrGraph)) {
    files.format = ModelFormat::kOnnx;
    ASSIGN_OR_RETURN(files.graph, read(kOnnx));
    return files;
  }
  ASSIGN_OR_RETURN(files.graph, read(kIrGraph));
  ASSIGN_OR_RETURN(files.weights, read(kIrWeights));
  return files;
}

}  // namespace strongroom::serving::models
