#include "simtee/frozen_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace strongroom::simtee {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 24;

// All of `source` to `copy`; the number of bytes.
Result<std::size_t> CopyAll(int source, int copy, const std::string& name) {
  std::size_t total = 0;
  while (true) {
    const ssize_t n = sendfile(copy, source, nullptr, kChunkBytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno(errno, name);
    if (n == 0) return total;
    total += static_cast<std::size_t>(n);
    if (total > kMaxFrozenBytes)
      return Exhausted(fmt::format("{} has more than {} bytes", name, kMaxFrozenBytes));
  }
}

}  // namespace

Mapping::~Mapping() {
  if (!bytes_.empty()) munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

Result<Mapping> FrozenFile::Map() const {
  if (size_ == 0) return Mapping();
  void* mapped = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd_.get(), 0);
  if (mapped == MAP_FAILED) return FromErrno(errno, "mapping a frozen file");
  return Mapping(ByteView(static_cast<const std::uint8_t*>(mapped), size_));
}

Result<FrozenFile> FrozenFile::Freeze(const std::string& source, const FileTree& tree) {
  ASSIGN_OR_RETURN(const UniqueFd original, tree.OpenRegular(source));
  UniqueFd copy(memfd_create("strongroom-measured", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!copy.valid()) return FromErrno(errno, "memfd_create");
  ASSIGN_OR_RETURN(const std::size_t size, CopyAll(original.get(), copy.get(), source));
  if (fcntl(copy.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) !=
      0) {
    return FromErrno(errno, "sealing the copy of " + source);
  }
  FrozenFile frozen(std::move(copy), size);
  ASSIGN_OR_RETURN(const Mapping mapping, frozen.Map());
  frozen.sha256_ = crypto::Sha256(mapping.bytes());
  return frozen;
}

}  // namespace strongroom::simtee
