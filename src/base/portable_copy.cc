#include "base/portable_copy.h"

#include <elf.h>
#include <link.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <climits>
#include <fmt/format.h>

#include "base/files.h"

namespace strongroom {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = std::size_t{256} << 20;
constexpr const char* kLoaderName = "ld-linux-x86-64.so.2";
constexpr unsigned kMode = 0555;

int AddObject(dl_phdr_info* info, std::size_t /*size*/, void* paths) {
  static_cast<std::vector<std::string>*>(paths)->emplace_back(info->dlpi_name);
  return 0;
}

// Paths of the libraries that this process runs with; the loader's own is not among them, as a
// portable copy's says where another lies.
std::vector<std::string> LoadedLibraries() {
  std::vector<std::string> objects, libraries;
  dl_iterate_phdr(AddObject, &objects);
  for (std::string& path : objects) {
    // The program itself has no name, the kernel's page no folder.
    if (path.contains('/') && fs::path(path).filename() != kLoaderName)
      libraries.push_back(std::move(path));
  }
  return libraries;
}

Result<Elf64_Ehdr> HeaderOf(ByteView program) {
  Elf64_Ehdr header;
  if (program.size() < sizeof(header)) return Malformed("program shorter than an ELF header");
  std::memcpy(&header, program.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return Unsupported("no 64-bit little-endian ELF program");
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > program.size() ||
      header.e_phnum > (program.size() - header.e_phoff) / sizeof(Elf64_Phdr)) {
    return Malformed("ELF program headers outside of the program");
  }
  return header;
}

// Where the PT_INTERP header lies in the file.
Result<std::size_t> InterpreterHeader(ByteView program) {
  ASSIGN_OR_RETURN(const Elf64_Ehdr header, HeaderOf(program));
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const std::size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
    Elf64_Phdr segment;
    std::memcpy(&segment, program.data() + at, sizeof(segment));
    if (segment.p_type == PT_INTERP) return at;
  }
  return Unsupported("ELF program without a loader: it is no dynamically linked program");
}

Result<std::string> LoaderOf(ByteView program) {
  ASSIGN_OR_RETURN(const std::size_t at, InterpreterHeader(program));
  Elf64_Phdr segment;
  std::memcpy(&segment, program.data() + at, sizeof(segment));
  if (segment.p_offset > program.size() || segment.p_filesz > program.size() - segment.p_offset)
    return Malformed("ELF loader's name outside of the program");
  const ByteView text = program.subspan(segment.p_offset, segment.p_filesz);
  return std::string(AsText(text).substr(0, AsText(text).find('\0')));
}

Status CopyFile(const fs::path& from, const fs::path& to) {
  ASSIGN_OR_RETURN(const Bytes content, ReadFile(from, kMaxFileBytes));
  return WriteFileAtomic(to, content, kMode);
}

}  // namespace

Result<Bytes> WithInterpreter(ByteView program, const std::string& interpreter) {
  if (interpreter.empty() || interpreter.size() >= PATH_MAX)
    return Malformed(
        fmt::format("loader's path of {} bytes, wanted 1 to {}", interpreter.size(), PATH_MAX - 1));
  ASSIGN_OR_RETURN(const std::size_t at, InterpreterHeader(program));
  Elf64_Phdr segment;
  std::memcpy(&segment, program.data() + at, sizeof(segment));
  segment.p_offset = program.size();
  segment.p_filesz = interpreter.size() + 1;
  Bytes out(program.begin(), program.end());
  out.insert(out.end(), interpreter.begin(), interpreter.end());
  out.push_back(0);
  std::memcpy(out.data() + at, &segment, sizeof(segment));
  return out;
}

Status CopyProgramTo(const fs::path& folder) {
  ASSIGN_OR_RETURN(const fs::path place, AbsolutePath(folder));
  const fs::path libraries = place / kPortableLibraries;
  std::error_code error;
  fs::create_directories(libraries, error);
  if (error) return FromErrno(error.value(), libraries.string());
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) return FromErrno(error.value(), "/proc/self/exe");
  ASSIGN_OR_RETURN(const Bytes program, ReadFile("/proc/self/exe", kMaxFileBytes));
  ASSIGN_OR_RETURN(const std::string loader, LoaderOf(program));
  RETURN_IF_ERROR(CopyFile(loader, libraries / kLoaderName));
  for (const std::string& path : LoadedLibraries())
    RETURN_IF_ERROR(CopyFile(path, libraries / fs::path(path).filename()));
  ASSIGN_OR_RETURN(const Bytes copy, WithInterpreter(program, (libraries / kLoaderName).string()));
  return WriteFileAtomic(place / self.filename(), copy, kMode);
}

}  // namespace strongroom
