#include "simtee/loader_lookup.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/files.h"
#include "base/reader.h"
#include "simtee/elf.h"
#include "simtee/library_closure.h"

namespace strongroom::simtee {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCacheMagic = "glibc-ld.so.cache1.1";
constexpr std::size_t kCacheHeaderBytes = 48;
constexpr std::size_t kMaxCacheBytes = std::size_t{16} << 20;
constexpr std::uint32_t kMaxCacheEntries = 100'000;
constexpr std::uint32_t kX8664 = 0x0303;  // dl-cache.h: FLAG_X8664_LIB64 with FLAG_ELF_LIBC6
// Folders beside a library in which the loader looks first (dl-hwcaps.c and, until 2.37, its
// older scheme).
constexpr std::array kVariantFolders = {"glibc-hwcaps", "tls",      "haswell",
                                        "xeon_phi",     "avx512_1", "x86_64"};

using FileId = std::pair<dev_t, ino_t>;

std::optional<FileId> IdOf(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileId(status.st_dev, status.st_ino);
}

// A text of the cache that ends in a zero.
Result<std::string> TextAt(ByteView cache, std::uint32_t offset) {
  if (offset >= cache.size()) return Malformed("loader's cache: text behind its end");
  const ByteView rest = cache.subspan(offset);
  const auto end = std::ranges::find(rest, std::uint8_t{0});
  if (end == rest.end()) return Malformed("loader's cache: text without an end");
  return ToText(rest.first(static_cast<std::size_t>(end - rest.begin())));
}

bool IsLibrary(const MeasuredFile& file) {
  return file.role == FileRole::kLibrary || file.role == FileRole::kPlugin ||
         file.role == FileRole::kInterpreter;
}

class LookupCheck {
 public:
  explicit LookupCheck(const MeasuredSet& files) : files_(files) {
    folders_.insert(kDefaultLibraryFolders.begin(), kDefaultLibraryFolders.end());
    for (const auto& [path, file] : files) {
      if (!IsLibrary(file)) continue;
      names_.insert(fs::path(path).filename().string());
      folders_.insert(fs::path(path).parent_path().string());
      if (const auto id = IdOf(path)) ids_.insert(*id);
    }
  }

  Status Run() {
    std::error_code error;
    if (fs::exists("/etc/ld.so.preload", error) || error)
      return Denied("/etc/ld.so.preload makes the loader run code that was not measured");
    RETURN_IF_ERROR(CheckSearchPaths());
    RETURN_IF_ERROR(CheckCache());
    for (const std::string& folder : folders_) RETURN_IF_ERROR(CheckVariants(folder));
    return {};
  }

 private:
  // $LIB and $PLATFORM are the processor's to say; the measured set did not follow them. All other
  // folders of these lists may hold variants, whether a measured library lies there or not.
  Status CheckSearchPaths() {
    for (const auto& [path, file] : files_) {
      if (file.role == FileRole::kConfiguration) continue;
      ASSIGN_OR_RETURN(const Mapping mapping, file.content.Map());
      ASSIGN_OR_RETURN(const ElfInfo elf, In(path, ParseElf(mapping.bytes())));
      for (const auto* list : {&elf.rpath, &elf.runpath}) {
        for (const std::string& folder : *list) {
          if (folder.contains("$LIB") || folder.contains("$PLATFORM") || folder.contains("${LIB") ||
              folder.contains("${PLATFORM")) {
            return Denied(fmt::format("{} looks for libraries in {}, which depends on the machine",
                                      path, folder));
          }
          folders_.insert(ExpandOrigin(folder, path));
        }
      }
    }
    return {};
  }

  Status CheckCache() const {
    const auto cache = ReadFile("/etc/ld.so.cache", kMaxCacheBytes);
    if (!cache.has_value())
      return cache.error().code() == Code::kNotFound ? Status() : std::unexpected(cache.error());
    ASSIGN_OR_RETURN(const auto entries, In("/etc/ld.so.cache", ParseLoaderCache(*cache)));
    for (const CachedLibrary& entry : entries) {
      if (!names_.contains(entry.name)) continue;
      const auto id = IdOf(entry.path);  // what is not there, the loader passes over
      if (id.has_value() && !ids_.contains(*id)) {
        return Denied(fmt::format("/etc/ld.so.cache names {} for {}, which is not the measured one",
                                  entry.path, entry.name));
      }
    }
    return {};
  }

  Status CheckVariants(const std::string& folder) const {
    for (const char* variant : kVariantFolders) {
      std::error_code error;
      const fs::path start = fs::path(folder) / variant;
      if (!fs::is_directory(start, error)) continue;
      for (fs::recursive_directory_iterator it(start, error), end; it != end; it.increment(error)) {
        if (error) return FromErrno(error.value(), start.string());
        if (names_.contains(it->path().filename().string())) {
          return Denied(fmt::format("{} is a variant of a measured library that the loader prefers",
                                    it->path().string()));
        }
      }
      if (error) return FromErrno(error.value(), start.string());
    }
    return {};
  }

  const MeasuredSet& files_;
  std::set<std::string> names_;
  std::set<std::string> folders_;
  std::set<FileId> ids_;
};

}  // namespace

// dl-cache.h: struct cache_file_new, then file_entry_new[nlibs], then the texts; offsets count from
// the header.
Result<std::vector<CachedLibrary>> ParseLoaderCache(ByteView bytes) {
  const auto magic = std::ranges::search(bytes, AsBytes(kCacheMagic));
  if (magic.empty()) return Unsupported("loader's cache without \"glibc-ld.so.cache1.1\"");
  const ByteView cache = bytes.subspan(static_cast<std::size_t>(magic.begin() - bytes.begin()));
  Reader reader(cache, "loader's cache");
  RETURN_IF_ERROR(reader.Skip(kCacheMagic.size()));
  ASSIGN_OR_RETURN(const std::uint32_t count, reader.U32Le());
  if (count > kMaxCacheEntries)
    return Malformed(
        fmt::format("loader's cache of {} entries, wanted at most {}", count, kMaxCacheEntries));
  RETURN_IF_ERROR(reader.Skip(kCacheHeaderBytes - kCacheMagic.size() - sizeof(std::uint32_t)));
  std::vector<CachedLibrary> entries;
  for (std::uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const std::uint32_t flags, reader.U32Le());
    ASSIGN_OR_RETURN(const std::uint32_t name, reader.U32Le());
    ASSIGN_OR_RETURN(const std::uint32_t path, reader.U32Le());
    RETURN_IF_ERROR(reader.Skip(sizeof(std::uint32_t) + sizeof(std::uint64_t)));  // OS, hwcap
    if (flags != kX8664) continue;
    CachedLibrary entry;
    ASSIGN_OR_RETURN(entry.name, TextAt(cache, name));
    ASSIGN_OR_RETURN(entry.path, TextAt(cache, path));
    entries.push_back(std::move(entry));
  }
  return entries;
}

Status CheckLoaderLookup(const MeasuredSet& files) { return LookupCheck(files).Run(); }

}  // namespace strongroom::simtee
