#include "agent/activation_files.h"

#include <functional>

#include "crypto/x509.h"

namespace strongroom::agent {
namespace {

constexpr std::size_t kMaxChain = 10;

using Write = std::function<Status(const std::string& path, ByteView content)>;

Status ForEachFile(const Activation& activation, const CredentialFiles& names, const Write& write) {
  for (const auto& [path, content] : activation.files)
    RETURN_IF_ERROR(write(path, content.Reveal()));
  const auto write_named = [&write](const std::string& path, ByteView content) -> Status {
    if (path.empty()) return {};
    return write(path, content);
  };
  RETURN_IF_ERROR(write_named(names.certificate_chain, AsBytes(activation.certificate_chain_pem)));
  RETURN_IF_ERROR(write_named(names.marble_root, AsBytes(activation.marble_root_pem)));
  RETURN_IF_ERROR(write_named(names.root, AsBytes(activation.root_certificate_pem)));
  return write_named(names.private_key, activation.key.Pkcs8Pem().Reveal());
}

}  // namespace

bool HasFiles(const Activation& activation, const CredentialFiles& names) {
  return !activation.files.empty() || !names.certificate_chain.empty() ||
         !names.private_key.empty() || !names.marble_root.empty() || !names.root.empty();
}

Status WriteFiles(const Activation& activation, const CredentialFiles& names, FileLayout& layout) {
  return ForEachFile(activation, names, [&layout](const std::string& path, ByteView content) {
    return layout.Write(path, content);
  });
}

Status ReplaceFiles(const Activation& activation, const CredentialFiles& names,
                    FileLayout& layout) {
  return ForEachFile(activation, names, [&layout](const std::string& path, ByteView content) {
    return layout.Replace(path, content);
  });
}

Result<UnixSeconds> RenewalTime(const Activation& activation) {
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain,
                   crypto::Certificate::ChainFromPem(activation.certificate_chain_pem, kMaxChain));
  const crypto::CertificateFields& leaf = chain.front().fields();
  return leaf.not_before + (leaf.not_after - leaf.not_before) / 3 * 2;
}

}  // namespace strongroom::agent
