#include "simtee/gramine_fuse.h"

#define FUSE_USE_VERSION 35
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <fuse3/fuse_lowlevel.h>

namespace strongroom::simtee {
namespace {

enum Node : fuse_ino_t {
  kRoot = FUSE_ROOT_ID,
  kKeys,
  kType,
  kReportData,
  kQuote,
  kSealEnclave,
  kSealSigner
};

struct Entry {
  fuse_ino_t node;
  fuse_ino_t parent;
  const char* name;
  mode_t mode;
};

constexpr std::array kEntries = {
    Entry{kRoot, kRoot, ".", S_IFDIR | 0555},
    Entry{kKeys, kRoot, "keys", S_IFDIR | 0555},
    Entry{kType, kRoot, "attestation_type", S_IFREG | 0444},
    Entry{kReportData, kRoot, "user_report_data", S_IFREG | 0666},
    Entry{kQuote, kRoot, "quote", S_IFREG | 0444},
    Entry{kSealEnclave, kKeys, "_sgx_mrenclave", S_IFREG | 0444},
    Entry{kSealSigner, kKeys, "_sgx_mrsigner", S_IFREG | 0444},
};

const Entry* FindNode(fuse_ino_t node) {
  const auto it = std::ranges::find(kEntries, node, &Entry::node);
  return it == kEntries.end() ? nullptr : &*it;
}

struct stat StatOf(const Entry& entry) {
  struct stat status{};
  status.st_ino = entry.node;
  status.st_mode = entry.mode;
  status.st_nlink = S_ISDIR(entry.mode) ? 2 : 1;
  status.st_uid = getuid();
  status.st_gid = getgid();
  return status;
}

// The files' content, the one register behind them and what is open. Only the session's thread
// calls it.
class Files {
 public:
  explicit Files(const Enclave& enclave) : enclave_(enclave) {}

  // Content is made when a file is opened, and stays the same until it is closed. The handle.
  Result<std::uint64_t> Open(fuse_ino_t node) {
    ASSIGN_OR_RETURN(SecretBytes content, ContentOf(node));
    open_.emplace(++last_handle_, std::move(content));
    return last_handle_;
  }

  ByteView Read(std::uint64_t handle) const {
    const auto it = open_.find(handle);
    return it == open_.end() ? ByteView() : it->second.Reveal();
  }

  void Close(std::uint64_t handle) { open_.erase(handle); }

  void SetReportData(ByteView bytes) {
    report_data_.fill(0);
    std::ranges::copy(bytes.first(std::min(bytes.size(), report_data_.size())),
                      report_data_.begin());
  }

 private:
  Result<SecretBytes> ContentOf(fuse_ino_t node) const {
    switch (node) {
      case kType: return SecretBytes(AsBytes("dcap"));
      case kReportData: return SecretBytes(ByteView(report_data_));
      case kQuote: {
        ASSIGN_OR_RETURN(Bytes quote, enclave_.Quote(report_data_));
        return SecretBytes::Adopt(std::move(quote));
      }
      case kSealEnclave: return enclave_.SealingKey(tee::SealPolicy::kEnclave);
      case kSealSigner: return enclave_.SealingKey(tee::SealPolicy::kSigner);
      default: return Denied("no file");
    }
  }

  const Enclave& enclave_;
  std::array<std::uint8_t, tee::kReportDataBytes> report_data_{};
  std::map<std::uint64_t, SecretBytes> open_;
  std::uint64_t last_handle_ = 0;
};

Files& FilesOf(fuse_req_t request) { return *static_cast<Files*>(fuse_req_userdata(request)); }

void Lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  const auto it = std::ranges::find_if(kEntries, [&](const Entry& e) {
    return e.node != kRoot && e.parent == parent && std::string_view(e.name) == name;
  });
  if (it == kEntries.end()) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  fuse_entry_param found{};
  found.ino = it->node;
  found.attr = StatOf(*it);
  fuse_reply_entry(request, &found);
}

void GetAttributes(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
  const Entry* entry = FindNode(node);
  if (entry == nullptr) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  const struct stat status = StatOf(*entry);
  fuse_reply_attr(request, &status, 0);
}

// Opening for writing with O_TRUNC asks for this; there is nothing to cut.
void SetAttributes(fuse_req_t request, fuse_ino_t node, struct stat*, int to_set,
                   fuse_file_info* info) {
  if (node != kReportData ||
      (to_set & ~(FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_CTIME)) != 0) {
    fuse_reply_err(request, EACCES);
    return;
  }
  GetAttributes(request, node, info);
}

void ReadFolder(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
                fuse_file_info*) {
  std::vector<char> buffer(size);
  std::size_t used = 0;
  for (std::size_t i = static_cast<std::size_t>(offset); i < kEntries.size(); ++i) {
    const Entry& entry = kEntries[i];
    if (entry.node == kRoot || entry.parent != node) continue;
    const struct stat status = StatOf(entry);
    const std::size_t needed = fuse_add_direntry(request, buffer.data() + used, size - used,
                                                 entry.name, &status, static_cast<off_t>(i + 1));
    if (needed > size - used) break;
    used += needed;
  }
  fuse_reply_buf(request, buffer.data(), used);
}

void Open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  const Entry* entry = FindNode(node);
  if (entry == nullptr || S_ISDIR(entry->mode)) {
    fuse_reply_err(request, EISDIR);
    return;
  }
  const bool writes = (info->flags & O_ACCMODE) != O_RDONLY;
  if (writes && node != kReportData) {
    fuse_reply_err(request, EACCES);
    return;
  }
  const auto handle = FilesOf(request).Open(node);
  if (!handle.has_value()) {
    fuse_reply_err(request, EIO);
    return;
  }
  info->fh = *handle;
  info->direct_io = 1;  // sizes are not known before
  Files& files = FilesOf(request);
  if (fuse_reply_open(request, info) != 0) files.Close(*handle);
}

void Read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info* info) {
  const ByteView content = FilesOf(request).Read(info->fh);
  const std::size_t from = std::min(content.size(), static_cast<std::size_t>(offset));
  const ByteView part = content.subspan(from, std::min(size, content.size() - from));
  fuse_reply_buf(request, reinterpret_cast<const char*>(part.data()), part.size());
}

// Every write() is a whole new value, wherever it is aimed at.
void Write(fuse_req_t request, fuse_ino_t node, const char* data, std::size_t size, off_t,
           fuse_file_info*) {
  if (node != kReportData) {
    fuse_reply_err(request, EACCES);
    return;
  }
  FilesOf(request).SetReportData(AsBytes(std::string_view(data, size)));
  fuse_reply_write(request, size);
}

void Release(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  FilesOf(request).Close(info->fh);
  fuse_reply_err(request, 0);
}

fuse_lowlevel_ops Operations() {
  fuse_lowlevel_ops operations{};
  operations.lookup = Lookup;
  operations.getattr = GetAttributes;
  operations.setattr = SetAttributes;
  operations.readdir = ReadFolder;
  operations.open = Open;
  operations.read = Read;
  operations.write = Write;
  operations.release = Release;
  return operations;
}

class Session final : public GramineFuse {
 public:
  explicit Session(const Enclave& enclave) : files_(enclave) {}
  ~Session() override {
    if (thread_.joinable()) thread_.join();
    if (session_ != nullptr) fuse_session_destroy(session_);
  }

  Status Start(UniqueFd fuse) {
    const fuse_lowlevel_ops operations = Operations();
    std::string name = "strongroom-simtee";
    char* arguments[] = {name.data(), nullptr};
    fuse_args args = FUSE_ARGS_INIT(1, arguments);
    session_ = fuse_session_new(&args, &operations, sizeof(operations), &files_);
    fuse_opt_free_args(&args);
    if (session_ == nullptr) return Internal("libfuse makes no session");
    // libfuse takes a descriptor that is mounted already by this name, and closes it.
    if (fuse_session_mount(session_, fmt::format("/dev/fd/{}", fuse.get()).c_str()) != 0) {
      return Internal("libfuse does not take the mounted descriptor");
    }
    fuse.Release();
    thread_ = std::thread([this] { fuse_session_loop(session_); });
    return {};
  }

 private:
  Files files_;
  fuse_session* session_ = nullptr;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<GramineFuse>> GramineFuse::Serve(UniqueFd fuse, const Enclave& enclave) {
  auto session = std::make_unique<Session>(enclave);
  RETURN_IF_ERROR(session->Start(std::move(fuse)));
  return session;
}

}  // namespace strongroom::simtee
