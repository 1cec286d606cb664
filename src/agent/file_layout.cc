#include "agent/file_layout.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

namespace strongroom::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNoteBytes = 16 * 1024 * 1024;
constexpr std::string_view kNoteSuffix = ".written";

// Entries of a note: one letter, the path, a zero byte.
constexpr char kFile = 'f';
constexpr char kFolder = 'd';

Status CheckPath(const fs::path& path) {
  const std::string text = path.string();
  if (path.is_absolute() && path.lexically_normal() == path && path.has_filename() &&
      !text.contains('\0'))
    return {};
  return Malformed(fmt::format("\"{}\" is no plain absolute path of a file", text.substr(0, 200)));
}

UniqueFd OpenToWipe(const fs::path& path) {
  return UniqueFd(open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
}

void WipeContent(const UniqueFd& fd) {
  struct stat status{};
  if (!fd.valid() || fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  constexpr std::array<std::uint8_t, 4096> zeros{};
  for (off_t left = status.st_size; left > 0; left -= static_cast<off_t>(zeros.size())) {
    const auto n = std::min(static_cast<std::size_t>(left), zeros.size());
    if (!WriteAll(fd.get(), ByteView(zeros).first(n), "wiping").has_value()) return;
  }
}

// Overwrites before removing: tmpfs frees pages, and does not clear them.
void WipeAndRemove(const fs::path& path) {
  WipeContent(OpenToWipe(path));
  unlink(path.c_str());
}

// Removes what a note names, last first; folders only when nothing else is in them.
std::size_t RemoveNoted(std::string_view note) {
  std::vector<std::string_view> entries;
  while (!note.empty()) {
    const std::size_t end = note.find('\0');
    if (end == std::string_view::npos)
      break;  // was being written when its writer died; the file was not made yet
    entries.push_back(note.substr(0, end));
    note.remove_prefix(end + 1);
  }
  std::size_t files = 0;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->size() < 2) continue;
    const fs::path path(entry->substr(1));
    struct stat status{};
    if (entry->front() == kFolder) {
      rmdir(path.c_str());
    } else if (lstat(path.c_str(), &status) == 0) {
      WipeAndRemove(path);
      ++files;
    }
  }
  return files;
}

// Notes that nobody holds locked are those of the dead.
Result<std::size_t> Sweep(const fs::path& run_folder) {
  std::size_t files = 0;
  std::error_code error;
  // Not a loop over a range, whose steps throw.
  for (fs::directory_iterator at(run_folder, error), end; !error && at != end;
       at.increment(error)) {
    const fs::path path = at->path();
    if (!path.string().ends_with(kNoteSuffix)) continue;
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid() || flock(fd.get(), LOCK_EX | LOCK_NB) != 0) continue;
    ASSIGN_OR_RETURN(const Bytes note, ReadFile(path, kMaxNoteBytes));
    files += RemoveNoted(AsText(note));
    unlink(path.c_str());
  }
  if (error) return FromErrno(error.value(), run_folder.string());
  return files;
}

// Ours alone: nobody else can put a note there, or read what is in it.
Status PrepareRunFolder(const fs::path& folder) {
  ASSIGN_OR_RETURN(const bool in_memory, IsInMemory(folder));
  if (!in_memory)
    return Precondition(
        fmt::format("{} is not on tmpfs, wanted a folder in memory", folder.string()));
  std::error_code error;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return FromErrno(errno, folder.string());
  struct stat status{};
  if (lstat(folder.c_str(), &status) != 0) return FromErrno(errno, folder.string());
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    return Denied(fmt::format("{} is not a folder of ours alone, wanted owner {} and mode 0700",
                              folder.string(), geteuid()));
  }
  return {};
}

struct OpenNote {
  fs::path path;
  UniqueFd lock;
};

Result<OpenNote> MakeNote(const fs::path& run_folder) {
  OpenNote out;
  out.path = run_folder / fmt::format("{}{}", getpid(), kNoteSuffix);
  // A live agent of another PID namespace may have this name already.
  for (int i = 0; i < 1000; ++i) {
    out.lock = UniqueFd(open(out.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (out.lock.valid() || errno != EEXIST) break;
    out.path = run_folder / fmt::format("{}-{}{}", getpid(), i, kNoteSuffix);
  }
  if (!out.lock.valid()) return FromErrno(errno, out.path.string());
  if (flock(out.lock.get(), LOCK_EX | LOCK_NB) != 0) return FromErrno(errno, out.path.string());
  return out;
}

}  // namespace

Result<bool> IsInMemory(const fs::path& path) {
  fs::path at = path;
  struct statfs status{};
  while (statfs(at.c_str(), &status) != 0) {
    if (errno == EINTR) continue;
    if (errno != ENOENT || !at.has_relative_path()) return FromErrno(errno, at.string());
    at = at.parent_path();
  }
  return status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC;
}

Result<FileLayout> FileLayout::Open(const fs::path& run_folder) {
  RETURN_IF_ERROR(PrepareRunFolder(run_folder));
  // One at a time, so that nobody takes a note that is being made for one of the dead.
  const UniqueFd folder(open(run_folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || flock(folder.get(), LOCK_EX) != 0)
    return FromErrno(errno, run_folder.string());
  ASSIGN_OR_RETURN(const std::size_t swept, Sweep(run_folder));
  ASSIGN_OR_RETURN(OpenNote note, MakeNote(run_folder));
  return FileLayout(std::move(note.path), std::move(note.lock), swept);
}

FileLayout::~FileLayout() {
  WipeReplaced();
  if (!lock_.valid()) return;
  if (const auto note = ReadFile(note_, kMaxNoteBytes); note.has_value())
    RemoveNoted(AsText(*note));
  unlink(note_.c_str());
}

Status FileLayout::Note(char kind, const fs::path& path) {
  std::string entry(1, kind);
  entry += path.string();
  entry.push_back('\0');
  return WriteAll(lock_.get(), AsBytes(entry), note_.string());
}

Status FileLayout::MakeFolders(const fs::path& folder) {
  struct stat status{};
  if (stat(folder.c_str(), &status) == 0) return {};
  if (errno != ENOENT) return FromErrno(errno, folder.string());
  RETURN_IF_ERROR(MakeFolders(folder.parent_path()));
  RETURN_IF_ERROR(Note(kFolder, folder));
  if (mkdir(folder.c_str(), 0700) != 0) return FromErrno(errno, folder.string());
  return {};
}

Status FileLayout::Write(const fs::path& path, ByteView content) {
  RETURN_IF_ERROR(CheckPath(path));
  ASSIGN_OR_RETURN(const bool in_memory, IsInMemory(path.parent_path()));
  if (!in_memory) {
    return Precondition(fmt::format(
        "{} is not on tmpfs: a file with secrets may only lie in memory", path.string()));
  }
  struct stat status{};
  if (lstat(path.c_str(), &status) == 0)
    return Conflict(fmt::format("{} is there already", path.string()));
  RETURN_IF_ERROR(MakeFolders(path.parent_path()));
  RETURN_IF_ERROR(Note(kFile, path));
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return FromErrno(errno, path.string());
  // Once more, of what was really made: a folder on the way may have been swapped.
  struct statfs file_system{};
  if (fstatfs(fd.get(), &file_system) != 0) return FromErrno(errno, path.string());
  if (file_system.f_type != TMPFS_MAGIC && file_system.f_type != RAMFS_MAGIC) {
    return Precondition(fmt::format("{} is not on tmpfs", path.string()));
  }
  return WriteAll(fd.get(), content, path.string());
}

Status FileLayout::Replace(const fs::path& path, ByteView content) {
  const fs::path fresh(path.string() + ".new");
  WipeAndRemove(fresh);  // of an attempt that failed
  RETURN_IF_ERROR(Write(fresh, content));
  UniqueFd old = OpenToWipe(path);
  if (rename(fresh.c_str(), path.c_str()) != 0) return FromErrno(errno, path.string());
  replaced_.push_back(std::move(old));
  return {};
}

void FileLayout::WipeReplaced() {
  for (const UniqueFd& old : replaced_) WipeContent(old);
  replaced_.clear();
}

}  // namespace strongroom::agent
