#include "simtee/read_only_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <string_view>

#include <climits>
#include <fmt/format.h>

#include "base/files.h"

namespace strongroom::simtee {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel follows

// Puts the components of `path` before what is still to be walked.
void Prepend(std::string_view path, std::deque<std::string>& rest) {
  std::deque<std::string> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  rest.insert(rest.begin(), parts.begin(), parts.end());
}

// Walks one path as the kernel does, and looks at every place it comes through.
class Walk {
 public:
  explicit Walk(const std::string& path) : path_(path) {}

  Status Run() {
    Prepend(path_, rest_);
    RETURN_IF_ERROR(Restart());
    while (!rest_.empty()) {
      const std::string name = std::move(rest_.front());
      rest_.pop_front();
      RETURN_IF_ERROR(Step(name));
    }
    return {};
  }

 private:
  Status Restart() {
    at_ = UniqueFd(open("/", O_PATH | O_CLOEXEC));
    return ExpectReadOnly("/");
  }

  Status Step(const std::string& name) {
    UniqueFd next(openat(at_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!next.valid() || fstat(next.get(), &status) != 0) return FromErrno(errno, path_);
    if (S_ISLNK(status.st_mode)) return Follow(next);
    at_ = std::move(next);
    return ExpectReadOnly(name);
  }

  // A link lies in a folder that was looked at already.
  Status Follow(const UniqueFd& link) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = readlinkat(link.get(), "", target.data(), target.size());
    if (size <= 0 || ++links_ > kMaxLinks) return FromErrno(size < 0 ? errno : ELOOP, path_);
    const std::string_view text(target.data(), static_cast<std::size_t>(size));
    Prepend(text, rest_);
    return text.front() == '/' ? Restart() : Status();
  }

  Status ExpectReadOnly(const std::string& name) const {
    struct statvfs mount{};
    if (!at_.valid() || fstatvfs(at_.get(), &mount) != 0) return FromErrno(errno, path_);
    if ((mount.f_flag & ST_RDONLY) != 0) return {};
    return Denied(fmt::format(
        "{}: \"{}\" on the way there lies on a mount that can be written, wanted a read-only one",
        path_, name));
  }

  const std::string& path_;
  std::deque<std::string> rest_;
  UniqueFd at_;
  int links_ = 0;
};

}  // namespace

Status ExpectReadOnlyPath(const std::string& path) { return Walk(path).Run(); }

}  // namespace strongroom::simtee
