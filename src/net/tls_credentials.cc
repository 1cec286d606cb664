#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "net/tls_internal.h"

namespace strongroom::net {
namespace {

constexpr std::size_t kMaxChain = 10;

// Never asks a terminal for a passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

Result<OpenSslPtr<BIO>> OpenBio(ByteView bytes) {
  OpenSslPtr<BIO> bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  if (!bio) return Internal("no memory for a BIO");
  return bio;
}

Result<std::shared_ptr<const Credentials::Parsed>> Checked(Credentials::Parsed parsed) {
  if (parsed.chain.empty()) return Malformed("credentials hold no certificate, wanted a leaf");
  if (X509_check_private_key(parsed.chain.front().get(), parsed.key.get()) != 1) {
    return Untrusted("the private key is not the one of the leaf certificate: " +
                     TakeOpenSslError());
  }
  const int size = i2d_X509(parsed.chain.front().get(), nullptr);
  if (size <= 0) return Internal("cannot encode a certificate: " + TakeOpenSslError());
  parsed.leaf.resize(static_cast<std::size_t>(size));
  std::uint8_t* out = parsed.leaf.data();
  if (i2d_X509(parsed.chain.front().get(), &out) != size)
    return Internal("certificate changed size");
  return std::make_shared<const Credentials::Parsed>(std::move(parsed));
}

}  // namespace

std::string TakeOpenSslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? fmt::format("error {:#x}", code) : std::string(reason);
}

Result<OpenSslPtr<X509>> ParseCertificate(ByteView der) {
  const std::uint8_t* in = der.data();
  OpenSslPtr<X509> certificate(d2i_X509(nullptr, &in, static_cast<long>(der.size())));
  if (!certificate) return Malformed("found no DER certificate: " + TakeOpenSslError());
  if (in != der.data() + der.size()) return Malformed("found bytes after a DER certificate");
  return certificate;
}

Result<Credentials> Credentials::FromDer(const std::vector<Bytes>& chain,
                                         const SecretBytes& private_key) {
  Parsed parsed;
  if (chain.size() > kMaxChain) {
    return Malformed(
        fmt::format("chain of {} certificates, wanted at most {}", chain.size(), kMaxChain));
  }
  for (const Bytes& der : chain) {
    ASSIGN_OR_RETURN(auto certificate, ParseCertificate(der));
    parsed.chain.push_back(std::move(certificate));
  }
  const ByteView key = private_key.Reveal();
  const std::uint8_t* in = key.data();
  parsed.key.reset(d2i_AutoPrivateKey(nullptr, &in, static_cast<long>(key.size())));
  if (!parsed.key || in != key.data() + key.size()) {
    return Malformed("found no DER private key: " + TakeOpenSslError());
  }
  ASSIGN_OR_RETURN(auto checked, Checked(std::move(parsed)));
  return Credentials(std::move(checked));
}

Result<Credentials> Credentials::FromPem(std::string_view chain, const SecretBytes& private_key) {
  Parsed parsed;
  ASSIGN_OR_RETURN(const auto chain_bio, OpenBio(AsBytes(chain)));
  while (X509* const certificate =
             PEM_read_bio_X509(chain_bio.get(), nullptr, NoPassphrase, nullptr)) {
    parsed.chain.emplace_back(certificate);
    if (parsed.chain.size() > kMaxChain)
      return Malformed("more than 10 certificates in a PEM chain");
  }
  ERR_clear_error();  // the end of the text is reported as "no start line"
  ASSIGN_OR_RETURN(const auto key_bio, OpenBio(private_key.Reveal()));
  parsed.key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, NoPassphrase, nullptr));
  if (!parsed.key) return Malformed("found no PEM private key: " + TakeOpenSslError());
  ASSIGN_OR_RETURN(auto checked, Checked(std::move(parsed)));
  return Credentials(std::move(checked));
}

const Bytes& Credentials::leaf() const { return parsed_->leaf; }

std::string_view TlsVersionName(TlsVersion version) {
  switch (version) {
    case TlsVersion::kNone: return "none";
    case TlsVersion::kTls12: return "TLSv1.2";
    case TlsVersion::kTls13: return "TLSv1.3";
  }
  return "none";
}

Result<Bytes> TlsPeer::Exporter(std::string_view label) const {
  if (version != TlsVersion::kTls13) {
    return Unsupported(
        fmt::format("exporter \"{}\" over {}, wanted TLSv1.3", label, TlsVersionName(version)));
  }
  for (const auto& [name, value] : exporters) {
    if (name == label) return value;
  }
  return Precondition(fmt::format("exporter \"{}\" was not asked for in the TLS options", label));
}

}  // namespace strongroom::net
