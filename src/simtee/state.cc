#include "simtee/state.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "base/files.h"
#include "sim/well_known.h"

namespace strongroom::simtee {
namespace {

constexpr std::size_t kMaxWorldBytes = 1024 * 1024;
constexpr const char* kWorldFile = "world.json";

Status ExpectPrivate(const std::filesystem::path& path, mode_t wanted) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return FromErrno(errno, path.string());
  if (status.st_uid != geteuid() || (status.st_mode & 077U) != 0) {
    return Denied(
        fmt::format("{} has owner {} and mode {:04o}, wanted owner {} and mode {:04o}: it holds "
                    "the keys of the "
                    "simulated platforms",
                    path.string(), status.st_uid, status.st_mode & 07777U, geteuid(), wanted));
  }
  return {};
}

Status MakePrivateFolder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  if (error) return FromErrno(error.value(), folder.parent_path().string());
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return FromErrno(errno, folder.string());
  return ExpectPrivate(folder, 0700);
}

Result<sim::World> Load(const std::filesystem::path& file) {
  ASSIGN_OR_RETURN(const SecretBytes text, ReadSecretFile(file, kMaxWorldBytes));
  RETURN_IF_ERROR(ExpectPrivate(file, 0600));
  return In(file.string(), sim::World::Parse(text.Reveal()));
}

}  // namespace

Result<std::filesystem::path> StateFolder(const std::string& flag) {
  if (!flag.empty()) return AbsolutePath(flag);
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return std::filesystem::path(state) / "strongroom-simtee";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return std::filesystem::path(home) / ".local/state/strongroom-simtee";
  }
  return Precondition("no state folder: give --state DIR, or set HOME");
}

Result<sim::World> OpenWorld(const std::filesystem::path& folder, Entropy& entropy,
                             const Clock& clock) {
  RETURN_IF_ERROR(MakePrivateFolder(folder));
  const auto file = folder / kWorldFile;
  auto world = Load(file);
  if (world.has_value() || world.error().code() != Code::kNotFound) return world;
  ASSIGN_OR_RETURN(const sim::World created, sim::World::Create(entropy, clock.Now()));
  ASSIGN_OR_RETURN(const SecretBytes text, created.Serialize());
  const Status status = CreateFileAtomic(file, text.Reveal(), 0600);
  if (!status.has_value() && status.error().code() != Code::kConflict)
    return std::unexpected(status.error());
  return Load(file);  // ours, or that of who came first
}

Result<sim::World> OpenWorld(const WorldFlags& flags, Entropy& entropy, const Clock& clock) {
  if (flags.well_known) return sim::WellKnownWorld();
  ASSIGN_OR_RETURN(const std::filesystem::path folder, StateFolder(flags.state));
  return OpenWorld(folder, entropy, clock);
}

Result<std::string> MountPointIn(const std::filesystem::path& folder) {
  RETURN_IF_ERROR(MakePrivateFolder(folder));
  const auto point = folder / "root";
  if (mkdir(point.c_str(), 0700) != 0 && errno != EEXIST) return FromErrno(errno, point.string());
  return point.string();
}

}  // namespace strongroom::simtee
