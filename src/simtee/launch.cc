#include "simtee/launch.h"

#include <unistd.h>

#include <filesystem>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "crypto/key.h"
#include "simtee/sigstruct.h"

namespace strongroom::simtee {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxKeyBytes = 16 * 1024;

Result<std::string> FindProgram(const std::string& name, const std::string& search_path) {
  if (name.contains('/')) {
    ASSIGN_OR_RETURN(const fs::path program, AbsolutePath(name));
    return program.string();
  }
  std::string_view rest = search_path;
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    std::string candidate = fmt::format("{}/{}", rest.substr(0, colon), name);
    if (candidate.starts_with('/') && access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  }
  return NotFound(fmt::format("no program \"{}\" in PATH", name));
}

// Relative paths in a description start at its folder, as the image sees it.
Result<LaunchDescription> ReadDescription(const std::string& file, const std::string& image) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(image + file, kMaxLaunchDescriptionBytes));
  ASSIGN_OR_RETURN(const fs::path absolute, AbsolutePath(file));
  return In(file, ParseLaunchDescription(text, absolute.parent_path()));
}

Status ApplySigstruct(const std::string& file, PreparedLaunch& launch) {
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(file, kSigstructBytes));
  ASSIGN_OR_RETURN(const Sigstruct sigstruct, In(file, VerifySigstruct(bytes)));
  const sim::EnclaveIdentity& identity = launch.identity;
  if (sigstruct.mrenclave != identity.mrenclave) {
    return Untrusted(fmt::format(
        "{} is for MRENCLAVE {}, what would run has {}: sign it again, or undo the change", file,
        HexEncode(sigstruct.mrenclave.view()), HexEncode(identity.mrenclave.view())));
  }
  if (sigstruct.isv_prod_id != identity.isv_prod_id || sigstruct.isv_svn != identity.isv_svn) {
    return Untrusted(fmt::format("{} is for product {} version {}, the description says {} and {}",
                                 file, sigstruct.isv_prod_id, sigstruct.isv_svn,
                                 identity.isv_prod_id, identity.isv_svn));
  }
  launch.identity.mrsigner = sigstruct.mrsigner;
  launch.is_signed = true;
  return {};
}

Status ApplyKey(const std::string& file, PreparedLaunch& launch) {
  ASSIGN_OR_RETURN(const SecretBytes pem, ReadSecretFile(file, kMaxKeyBytes));
  ASSIGN_OR_RETURN(const crypto::PrivateKey key,
                   In(file, crypto::PrivateKey::FromPem(AsText(pem.Reveal()))));
  ASSIGN_OR_RETURN(launch.identity.mrsigner, In(file, MrSignerOf(key.public_key())));
  launch.is_signed = true;
  return {};
}

}  // namespace

Result<LaunchDescription> DescribeLaunch(const LaunchRequest& request,
                                         const std::string& search_path) {
  LaunchDescription description = request.described;
  if (request.description_file.has_value()) {
    ASSIGN_OR_RETURN(description, ReadDescription(*request.description_file, request.image));
  }
  if (!request.command.empty()) {
    ASSIGN_OR_RETURN(description.program, FindProgram(request.command.front(), search_path));
    description.argv = request.command;
  }
  if (description.program.empty())
    return Malformed("no program named: give one after --, or in the launch description");
  if (description.argv.empty())
    description.argv = {fs::path(description.program).filename().string()};
  description.debug = description.debug || request.debug;
  RETURN_IF_ERROR(NormalizeLaunchDescription(description));
  return description;
}

std::string PreparedLaunch::SignerText() const {
  return is_signed ? HexEncode(identity.mrsigner.view())
                   : "none (unsigned: a fresh one for every run)";
}

Result<PreparedLaunch> PrepareLaunch(LaunchDescription description, const LaunchSigner& signer,
                                     Entropy& entropy, const FileTree& tree) {
  ASSIGN_OR_RETURN(MeasuredSet files, FreezeMeasuredSet(description, tree));
  std::string record = MeasurementRecord(description, files);
  PreparedLaunch launch{.description = std::move(description),
                        .files = std::move(files),
                        .record = std::move(record),
                        .identity = {},
                        .is_signed = false};
  launch.identity.mrenclave = Measure(launch.record);
  launch.identity.isv_prod_id = launch.description.product_id;
  launch.identity.isv_svn = launch.description.security_version;
  launch.identity.debug = launch.description.debug;
  if (signer.sigstruct_file.has_value()) {
    RETURN_IF_ERROR(ApplySigstruct(*signer.sigstruct_file, launch));
  } else if (signer.key_file.has_value()) {
    RETURN_IF_ERROR(ApplyKey(*signer.key_file, launch));
  } else {
    entropy.Fill(launch.identity.mrsigner.writable());
  }
  return launch;
}

}  // namespace strongroom::simtee
