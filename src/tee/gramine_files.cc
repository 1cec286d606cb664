#include "tee/gramine_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

#include <fmt/format.h>

#include "attest/quote.h"
#include "base/files.h"
#include "tee/quote_check.h"

namespace strongroom::tee {
namespace {

constexpr std::size_t kMaxTypeBytes = 64;

// One write() call: Gramine takes every call as a whole new value.
Status WriteOnce(const std::filesystem::path& path, ByteView bytes) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return FromErrno(errno, path.string());
  const ssize_t written = write(fd.get(), bytes.data(), bytes.size());
  if (written < 0) return FromErrno(errno, path.string());
  if (static_cast<std::size_t>(written) != bytes.size()) {
    return Unavailable(
        fmt::format("{} took {} bytes, wanted {}", path.string(), written, bytes.size()));
  }
  return {};
}

class GramineFiles final : public EvidenceSource {
 public:
  explicit GramineFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  Result<Bytes> Quote(ReportDataView report_data) override {
    // The lock is held across the files on purpose: user_report_data and quote are one register of
    // the process.
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(WriteOnce(folder_ / "user_report_data", report_data));
    ASSIGN_OR_RETURN(Bytes quote, ReadFile(folder_ / "quote", attest::kMaxQuoteBytes));
    RETURN_IF_ERROR(ExpectQuoteOver(quote, report_data));
    return quote;
  }

  Result<SecretBytes> SealingKey(SealPolicy policy) override {
    const auto path =
        folder_ / "keys" / (policy == SealPolicy::kEnclave ? "_sgx_mrenclave" : "_sgx_mrsigner");
    ASSIGN_OR_RETURN(SecretBytes key, ReadSecretFile(path, kSealingKeyBytes));
    if (key.size() != kSealingKeyBytes) {
      return Malformed(
          fmt::format("{} has {} bytes, wanted {}", path.string(), key.size(), kSealingKeyBytes));
    }
    return key;
  }

  std::string Description() const override {
    return fmt::format("gramine files in {}", folder_.string());
  }

 private:
  const std::filesystem::path folder_;
  std::mutex mutex_;
};

}  // namespace

Result<std::unique_ptr<EvidenceSource>> OpenGramineFiles(const std::filesystem::path& folder) {
  const auto type_file = folder / "attestation_type";
  ASSIGN_OR_RETURN(std::string type, ReadTextFile(type_file, kMaxTypeBytes));
  while (type.ends_with('\n') || type.ends_with('\0')) type.pop_back();
  if (type != "dcap") {
    return Unsupported(
        fmt::format("{} says \"{}\", wanted \"dcap\": set sgx.remote_attestation = \"dcap\" in the "
                    "Gramine manifest",
                    type_file.string(), type));
  }
  return std::make_unique<GramineFiles>(folder);
}

}  // namespace strongroom::tee
