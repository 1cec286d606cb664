#include "pfs/tree_crypt.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "pfs/file_reader.h"
#include "pfs/file_writer.h"
#include "pfs/folder.h"
#include "pfs/path.h"

namespace strongroom::pfs {
namespace {

// One direction of the work: from one open file to another; returns the plaintext's size.
struct Direction {
  unsigned file_mode;
  unsigned folder_mode;
  std::function<Result<std::uint64_t>(const FdSource& in, FdSink& out, const std::string& path)>
      transform;
};

Direction Encrypting(const WrapKey& key, Entropy& entropy, const CryptOptions& options) {
  return {0644, 0755,
          [&](const FdSource& in, FdSink& out, const std::string& path) -> Result<std::uint64_t> {
            RETURN_IF_ERROR(EncryptAll(in, out, key, entropy,
                                       {.path = path, .format = options.format}, options.bulk));
            return in.Size();
          }};
}

Direction Decrypting(const WrapKey& key, const CryptOptions& options) {
  return {0600, 0700,
          [&](const FdSource& in, FdSink& out, const std::string& path) -> Result<std::uint64_t> {
            std::optional<std::string_view> expected;
            if (!path.empty()) expected = path;
            ASSIGN_OR_RETURN(const FileReader reader, FileReader::Open(in, key, expected));
            RETURN_IF_ERROR(reader.CopyTo(out, options.bulk));
            return reader.size();
          }};
}

struct Input {
  UniqueFd fd;
  struct stat info{};
};

Result<Input> OpenInput(const std::string& in) {
  Input input{UniqueFd(open(in.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC))};
  if (!input.fd.valid()) return FromErrno(errno, in);
  if (fstat(input.fd.get(), &input.info) != 0) return FromErrno(errno, in);
  if (S_ISREG(input.info.st_mode) || S_ISDIR(input.info.st_mode)) return input;
  return Unsupported(
      fmt::format("{} is a device, pipe or socket, wanted a regular file or a folder", in));
}

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// A name to embed where none was given: "model" for "x/model/", the folder's own name for ".".
Result<std::string> BaseName(const std::string& in) {
  std::string_view path = in;
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::string_view name = SplitLast(path).name;
  if (!name.empty() && name != "." && name != "..") return std::string(name);
  return Malformed(fmt::format("\"{}\" has no name of its own to embed: say one with --as", in));
}

// A file and what messages call it.
struct Named {
  int fd;
  const std::string& name;
};

Result<std::uint64_t> TransformFile(const Named& in, const Named& out, const std::string& path,
                                    const Direction& direction) {
  const FdSource source(in.fd, in.name);
  FdSink sink(out.fd, out.name);
  Result<std::uint64_t> size = direction.transform(source, sink, path);
  return sink.failed() ? size : In(in.name, std::move(size));
}

Result<CryptReport> RunFile(const Input& input, const std::string& in, const std::string& out,
                            const CryptOptions& options, const Direction& direction) {
  ASSIGN_OR_RETURN(const FolderAndName target, OpenParent(out));
  struct stat existing{};
  if (fstatat(target.folder.get(), target.name.c_str(), &existing, 0) == 0 &&
      SameFile(existing, input.info)) {
    return Conflict(
        fmt::format("{} and {} are one file: give the output a name of its own", in, out));
  }
  if (options.on_start) options.on_start(1, static_cast<std::uint64_t>(input.info.st_size));
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(target.folder.get(), target.name, out,
                                                       direction.file_mode, options.existing));
  ASSIGN_OR_RETURN(const std::uint64_t bytes,
                   TransformFile({input.fd.get(), in}, {file.fd(), out}, options.as, direction));
  RETURN_IF_ERROR(file.Commit());
  return CryptReport{.files = 1, .plaintext_bytes = bytes, .path = options.as};
}

// Refuses an output inside the input: it would be read while it is written.
Status CheckApart(const FolderAndName& target, const struct stat& root) {
  UniqueFd at(openat(target.folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (at.valid()) {
    struct stat here{};
    struct stat above{};
    if (fstat(at.get(), &here) != 0) return FromErrno(errno, "output folder");
    if (SameFile(here, root))
      return Conflict("the output lies inside the input: choose a folder outside it");
    UniqueFd parent(openat(at.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent.valid())
      return {};  // a folder above that we may not see is not the input, which we could open
    if (fstat(parent.get(), &above) != 0) return FromErrno(errno, "output folder");
    if (SameFile(here, above)) return {};
    at = std::move(parent);
  }
  return {};
}

Status CheckTreeTarget(const FolderAndName& target, const std::string& out) {
  struct stat info{};
  if (fstatat(target.folder.get(), target.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return FromErrno(errno, out);
  }
  if (!S_ISDIR(info.st_mode)) return Conflict(fmt::format("{} exists and is not a folder", out));
  ASSIGN_OR_RETURN(const UniqueFd folder, OpenFolderIn(target.folder.get(), target.name));
  ASSIGN_OR_RETURN(const Tree tree, ListTree(folder.get()));
  if (tree.files.empty() && tree.folders.empty()) return {};
  return Conflict(
      fmt::format("{} exists and is not empty: remove it first or choose another name", out));
}

// A tree under a hidden name, removed unless it gets its own.
class NewTree {
 public:
  static Result<NewTree> Make(const FolderAndName& target, std::string shown, unsigned mode) {
    std::string hidden = HiddenName();
    if (mkdirat(target.folder.get(), hidden.c_str(), 0700) != 0) return FromErrno(errno, shown);
    NewTree tree(target, std::move(shown), std::move(hidden));
    ASSIGN_OR_RETURN(tree.root_, OpenFolderIn(target.folder.get(), tree.hidden_));
    if (fchmod(tree.root_.get(), mode) != 0) return FromErrno(errno, tree.shown_);
    return tree;
  }
  NewTree(NewTree&& other) noexcept
      : target_(other.target_),
        shown_(std::move(other.shown_)),
        hidden_(std::exchange(other.hidden_, {})),
        root_(std::move(other.root_)) {}
  NewTree& operator=(NewTree&&) = delete;
  ~NewTree() {
    if (!hidden_.empty()) RemoveTree(target_.folder.get(), hidden_);
  }

  int root() const { return root_.get(); }

  // An empty folder of the target's name gives way, anything else does not.
  Status Commit() {
    const int folder = target_.folder.get();
    if (renameat(folder, hidden_.c_str(), folder, target_.name.c_str()) != 0)
      return FromErrno(errno, shown_);
    hidden_.clear();
    return SyncFolder(folder, shown_);
  }

 private:
  NewTree(const FolderAndName& target, std::string shown, std::string hidden)
      : target_(target), shown_(std::move(shown)), hidden_(std::move(hidden)) {}
  const FolderAndName& target_;
  std::string shown_;  // what messages call it
  std::string hidden_;
  UniqueFd root_;
};

// The embedded path of every file, all checked before the first is written.
Result<std::vector<std::string>> EmbeddedPaths(const Tree& tree, const std::string& as) {
  std::vector<std::string> paths;
  for (const TreeFile& file : tree.files) {
    if (as.empty()) {
      paths.emplace_back();
      continue;
    }
    ASSIGN_OR_RETURN(paths.emplace_back(), In(file.path, JoinPath(as, file.path)));
  }
  return paths;
}

// "out/a/b" for messages.
std::string JoinedName(std::string_view folder, std::string_view path) {
  return fmt::format("{}{}{}", folder, folder.ends_with('/') ? "" : "/", path);
}

Result<std::uint64_t> TransformTree(int in_root, int out_root, const Tree& tree,
                                    const std::string& out_name,
                                    const std::vector<std::string>& paths,
                                    const Direction& direction) {
  FolderCursor from(in_root);
  FolderCursor to(out_root, FolderCursor::Missing::kMake, direction.folder_mode);
  std::uint64_t bytes = 0;
  for (const std::string& folder : tree.folders)
    RETURN_IF_ERROR(In(JoinedName(out_name, folder), to.Open(folder)));  // empty ones too
  for (std::size_t i = 0; i < tree.files.size(); ++i) {
    const std::string& path = tree.files[i].path;
    const std::string name(SplitLast(path).name), shown = JoinedName(out_name, path);
    ASSIGN_OR_RETURN(const int from_folder, In(path, from.Open(SplitLast(path).folder)));
    ASSIGN_OR_RETURN(const int to_folder, In(shown, to.Open(SplitLast(path).folder)));
    ASSIGN_OR_RETURN(const UniqueFd in, In(path, OpenRegularFileIn(from_folder, name)));
    ASSIGN_OR_RETURN(AtomicFile out, AtomicFile::Create(to_folder, name, shown, direction.file_mode,
                                                        Existing::kRefuse));
    ASSIGN_OR_RETURN(const std::uint64_t size,
                     TransformFile({in.get(), path}, {out.fd(), shown}, paths[i], direction));
    RETURN_IF_ERROR(out.TakeName());
    bytes += size;
  }
  return bytes;
}

// Each folder once, when all its names are in it.
Status SyncFolders(int root, const Tree& tree, const std::string& shown) {
  FolderCursor cursor(root);
  for (const std::string& folder : tree.folders) {
    ASSIGN_OR_RETURN(const int fd, In(JoinedName(shown, folder), cursor.Open(folder)));
    RETURN_IF_ERROR(SyncFolder(fd, JoinedName(shown, folder)));
  }
  return SyncFolder(root, shown);
}

Result<CryptReport> RunTree(const Input& input, const std::string& out, const CryptOptions& options,
                            const Direction& direction) {
  ASSIGN_OR_RETURN(const FolderAndName target, OpenParent(out));
  RETURN_IF_ERROR(CheckApart(target, input.info));
  RETURN_IF_ERROR(CheckTreeTarget(target, out));
  ASSIGN_OR_RETURN(const Tree tree, ListTree(input.fd.get()));
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, EmbeddedPaths(tree, options.as));
  std::uint64_t total = 0;
  for (const TreeFile& file : tree.files) total += file.size;
  if (options.on_start) options.on_start(tree.files.size(), total);
  ASSIGN_OR_RETURN(NewTree made, NewTree::Make(target, out, direction.folder_mode));
  ASSIGN_OR_RETURN(const std::uint64_t bytes,
                   TransformTree(input.fd.get(), made.root(), tree, out, paths, direction));
  RETURN_IF_ERROR(SyncFolders(made.root(), tree, out));
  RETURN_IF_ERROR(made.Commit());
  return CryptReport{.files = tree.files.size(), .plaintext_bytes = bytes, .path = options.as};
}

Result<CryptReport> Run(const std::string& in, const std::string& out, const CryptOptions& options,
                        const Direction& direction) {
  ASSIGN_OR_RETURN(const Input input, OpenInput(in));
  if (S_ISDIR(input.info.st_mode)) return RunTree(input, out, options, direction);
  return RunFile(input, in, out, options, direction);
}

}  // namespace

Result<CryptReport> Encrypt(const std::string& in, const std::string& out, const WrapKey& key,
                            Entropy& entropy, const CryptOptions& options) {
  CryptOptions named = options;
  if (named.as.empty()) {
    ASSIGN_OR_RETURN(named.as, BaseName(in));
  }
  ASSIGN_OR_RETURN(named.as, NormalizePath(named.as));
  return Run(in, out, named, Encrypting(key, entropy, named));
}

Result<CryptReport> Decrypt(const std::string& in, const std::string& out, const WrapKey& key,
                            const CryptOptions& options) {
  return Run(in, out, options, Decrypting(key, options));
}

}  // namespace strongroom::pfs
