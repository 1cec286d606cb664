#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "base/result.h"

namespace strongroom::pfs {

// What becomes of a file that has the name already.
enum class Existing { kReplace, kRefuse };

// A new file that gets its name only when it is complete. Where the file system can (O_TMPFILE), it
// has no name while it is written, so that even a killed process leaves nothing. Elsewhere, and for
// the moment in which it takes the place of another file, it has a hidden one beside the target,
// removed by the destructor: a process that is killed then leaves it behind.
class AtomicFile {
 public:
  // A file for `name` in the folder `folder_fd`, which is borrowed until Commit. `mode` is exact,
  // no umask; `shown` is what messages call it. With Existing::kRefuse, kConflict at once when the
  // name is taken; in either case when something other than a regular file has it.
  static Result<AtomicFile> Create(int folder_fd, std::string_view name, std::string shown,
                                   unsigned mode, Existing existing);

  AtomicFile(AtomicFile&& other) noexcept
      : folder_fd_(other.folder_fd_),
        name_(std::move(other.name_)),
        shown_(std::move(other.shown_)),
        existing_(other.existing_),
        fd_(std::move(other.fd_)),
        hidden_name_(std::exchange(other.hidden_name_, {})) {}
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  int fd() const { return fd_.get(); }

  // Syncs the content, then gives it the name in one step. After a failure the old state stands.
  // The name lasts over a crash only once its folder was synced.
  Status TakeName();
  // TakeName, then syncs the folder. When only that fails, the file has its name all the same.
  Status Commit();

 private:
  AtomicFile(int folder_fd, std::string name, std::string shown, Existing existing)
      : folder_fd_(folder_fd),
        name_(std::move(name)),
        shown_(std::move(shown)),
        existing_(existing) {}
  Status CheckTarget() const;
  Status OpenNew(unsigned mode);
  Status LinkAs(const std::string& name);

  int folder_fd_;
  std::string name_;
  std::string shown_;
  Existing existing_;
  UniqueFd fd_;
  std::string hidden_name_;  // empty while the file has no name
};

// A fresh hidden name for what is not complete yet: ".strongroom-<16 hex digits>.tmp".
std::string HiddenName();

// Opens the folder that `path` is in (following symbolic links, as shells do) and gives the last
// part of `path`.
struct FolderAndName {
  UniqueFd folder;
  std::string name;
};
Result<FolderAndName> OpenParent(std::string_view path);

}  // namespace strongroom::pfs
