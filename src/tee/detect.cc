#include "tee/detect.h"

#include <fmt/format.h>

#include "base/text.h"
#include "tee/attestation_protocol.h"
#include "tee/attestation_socket.h"

namespace strongroom::tee {
namespace {

// Above the standard streams, below any sensible limit.
constexpr int kFirstFd = 3;
constexpr int kLastFd = 65535;

Result<UniqueFd> NamedDescriptor(const std::string& text) {
  const auto fd = ParseDecimal<int>(text);
  if (!fd || *fd < kFirstFd || *fd > kLastFd) {
    return Malformed(fmt::format("{} is \"{}\", wanted a descriptor number from {} to {}",
                                 kAttestationFdVariable, text, kFirstFd, kLastFd));
  }
  return UniqueFd(*fd);
}

}  // namespace

Result<std::unique_ptr<EvidenceSource>> DetectEvidenceSource(
    const Environment& environment, const std::filesystem::path& gramine_folder) {
  if (const auto named = environment(kAttestationFdVariable)) {
    ASSIGN_OR_RETURN(UniqueFd fd, NamedDescriptor(*named));
    return In(kAttestationFdVariable, OpenAttestationSocket(std::move(fd)));
  }
  auto files = OpenGramineFiles(gramine_folder);
  if (files.has_value() || files.error().code() != Code::kNotFound) return files;
  return Unsupported(fmt::format(
      "no TEE found: neither {} in the environment nor {}/attestation_type; start this "
      "program in a Gramine enclave, or under `strongroom-simtee run` on a machine without "
      "one",
      kAttestationFdVariable, gramine_folder.string()));
}

}  // namespace strongroom::tee
