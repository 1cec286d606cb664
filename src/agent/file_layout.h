#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/files.h"
#include "base/result.h"

namespace strongroom::agent {

// Files with secrets that exist as long as their writer: on tmpfs only, mode 0600, overwritten and
// removed at the end. What is written is noted before, in a file under `run_folder` that the writer
// keeps locked; so after a kill -9 the next agent finds the note unlocked and removes what it
// names.
class FileLayout {
 public:
  // Removes what dead agents left and opens a note of its own. kPrecondition when `run_folder` is
  // not on tmpfs; kDenied when it is not ours alone (mode 0700).
  static Result<FileLayout> Open(const std::filesystem::path& run_folder);
  FileLayout(FileLayout&&) = default;
  FileLayout& operator=(FileLayout&&) = delete;
  ~FileLayout();

  // Writes one file, making folders (0700) as needed. kMalformed: not an absolute normal path;
  // kPrecondition: the place is not on tmpfs; kConflict: something is there already.
  Status Write(const std::filesystem::path& path, ByteView content);

  // The same, but over a file that is there already, which its readers see whole: old, or new. The
  // old content is still there for those who opened it; call WipeReplaced when they have read it.
  Status Replace(const std::filesystem::path& path, ByteView content);
  // Overwrites what was replaced. The destructor does it too.
  void WipeReplaced();

  // Leaves everything as it is at the end: whoever reads it outlives this process. The next layout
  // in this run folder removes it.
  void Leave() { lock_.Reset(); }

  // How many files of dead agents Open removed.
  std::size_t swept() const { return swept_; }

 private:
  FileLayout(std::filesystem::path note, UniqueFd lock, std::size_t swept)
      : note_(std::move(note)), lock_(std::move(lock)), swept_(swept) {}

  Status Note(char kind, const std::filesystem::path& path);
  Status MakeFolders(const std::filesystem::path& folder);

  std::filesystem::path note_;
  UniqueFd lock_;  // of the note; not valid: moved from
  std::vector<UniqueFd> replaced_;
  std::size_t swept_;
};

// True when `path`, or else its nearest existing parent, lies in memory (tmpfs or ramfs). Symbolic
// links are followed.
Result<bool> IsInMemory(const std::filesystem::path& path);

}  // namespace strongroom::agent
