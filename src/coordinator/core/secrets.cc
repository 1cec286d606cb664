#include "coordinator/core/secrets.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "crypto/cert_builder.h"
#include "crypto/kdf.h"
#include "crypto/oid.h"

namespace strongroom::coordinator {
namespace {

using manifest::Secret;
using manifest::SecretType;
using manifest::SecretValue;

constexpr std::uint64_t kDefaultValidDays = 365;

// Go's numbers of x509.ExtKeyUsage, in their order.
constexpr std::array<std::string_view, 14> kExtendedKeyUsages = {
    crypto::oid::kAnyExtendedKeyUsage,
    crypto::oid::kServerAuth,
    crypto::oid::kClientAuth,
    "1.3.6.1.5.5.7.3.3",        // code signing
    "1.3.6.1.5.5.7.3.4",        // e-mail protection
    "1.3.6.1.5.5.7.3.5",        // IPsec end system
    "1.3.6.1.5.5.7.3.6",        // IPsec tunnel
    "1.3.6.1.5.5.7.3.7",        // IPsec user
    "1.3.6.1.5.5.7.3.8",        // time stamping
    "1.3.6.1.5.5.7.3.9",        // OCSP signing
    "1.3.6.1.4.1.311.10.3.3",   // Microsoft server gated crypto
    "2.16.840.1.113730.4.1",    // Netscape server gated crypto
    "1.3.6.1.4.1.311.2.1.22",   // Microsoft commercial code signing
    "1.3.6.1.4.1.311.61.1.1"};  // Microsoft kernel code signing

SecretValue Symmetric(const Secret& secret, SecretBytes value) {
  SecretBytes copy = value.Clone();
  return {.definition = secret,
          .certificate = {},
          .public_part = std::move(copy),
          .private_part = std::move(value)};
}

Result<crypto::PrivateKey> GenerateKey(const Secret& secret) {
  using crypto::KeyType;
  switch (secret.type) {
    case SecretType::kCertRsa:
      return crypto::PrivateKey::GenerateRsa(static_cast<int>(secret.size));
    case SecretType::kCertEd25519: return crypto::PrivateKey::Generate(KeyType::kEd25519);
    case SecretType::kCertEcdsa:
      switch (secret.size) {
        case 224: return crypto::PrivateKey::Generate(KeyType::kP224);
        case 256: return crypto::PrivateKey::Generate(KeyType::kP256);
        case 384: return crypto::PrivateKey::Generate(KeyType::kP384);
        case 521: return crypto::PrivateKey::Generate(KeyType::kP521);
        default: break;
      }
      return Malformed(fmt::format("Size {}, wanted 224, 256, 384 or 521", secret.size));
    case SecretType::kSymmetricKey:
    case SecretType::kPlain: break;
  }
  return Internal("a secret that is no certificate has no key");
}

void AddNames(crypto::DistinguishedName& out, const char* type,
              const std::vector<std::string>& values) {
  for (const std::string& value : values) out.push_back({type, value});
}

crypto::DistinguishedName SubjectOf(const manifest::DistinguishedName& wanted,
                                    std::string common_name) {
  crypto::DistinguishedName out;
  AddNames(out, "C", wanted.country);
  AddNames(out, "O", wanted.organization);
  AddNames(out, "OU", wanted.organizational_unit);
  AddNames(out, "L", wanted.locality);
  AddNames(out, "ST", wanted.province);
  AddNames(out, "STREET", wanted.street_address);
  AddNames(out, "2.5.4.17", wanted.postal_code);
  out.push_back({"CN", std::move(common_name)});
  if (!wanted.serial_number.empty()) out.push_back({"SERIALNUMBER", wanted.serial_number});
  return out;
}

Status SetValidity(const Secret& secret, UnixSeconds now, crypto::CertificateSpec& spec) {
  spec.not_before = now;
  if (secret.cert.not_before) {
    ASSIGN_OR_RETURN(spec.not_before, ParseRfc3339(*secret.cert.not_before));
  }
  if (secret.cert.not_after) {
    ASSIGN_OR_RETURN(spec.not_after, ParseRfc3339(*secret.cert.not_after));
  } else {
    const std::uint64_t days = secret.valid_for != 0 ? secret.valid_for : kDefaultValidDays;
    spec.not_after = spec.not_before + static_cast<std::int64_t>(days) * kDay;
  }
  return {};
}

// The manifest's template with MarbleRun's defaults for what it leaves open. One is ours:
// keyCertSign only for authorities, because strict verifiers refuse it on others.
Result<crypto::CertificateSpec> SpecOf(const Secret& secret, UnixSeconds now) {
  const manifest::CertificateTemplate& wanted = secret.cert;
  crypto::CertificateSpec spec;
  spec.dns_names = wanted.dns_names;
  spec.ip_addresses = wanted.ip_addresses;
  spec.email_addresses = wanted.email_addresses;
  if (spec.dns_names.empty()) spec.dns_names = {"localhost"};
  if (spec.ip_addresses.empty()) spec.ip_addresses = {"127.0.0.1", "::1"};
  std::string common_name = wanted.subject.common_name;
  if (common_name.empty())
    common_name = spec.dns_names.size() == 1 ? spec.dns_names.front()
                                             : std::string("Strongroom Generated Certificate");
  spec.subject = SubjectOf(wanted.subject, std::move(common_name));
  spec.key_usage = static_cast<std::uint16_t>(wanted.key_usage);
  if (spec.key_usage == 0) {
    spec.key_usage = crypto::kDigitalSignature;
    if (wanted.is_ca) spec.key_usage |= crypto::kKeyCertSign;
  }
  if (wanted.is_ca) spec.basic_constraints = {.is_ca = true, .path_length = std::nullopt};
  for (const std::int64_t usage : wanted.ext_key_usage) {
    if (usage < 0 || static_cast<std::size_t>(usage) >= kExtendedKeyUsages.size())
      return Malformed(fmt::format("Cert.ExtKeyUsage {} means nothing", usage));
    spec.extended_key_usage.emplace_back(kExtendedKeyUsages[static_cast<std::size_t>(usage)]);
  }
  if (spec.extended_key_usage.empty())
    spec.extended_key_usage = {std::string(crypto::oid::kServerAuth),
                               std::string(crypto::oid::kClientAuth)};
  RETURN_IF_ERROR(SetValidity(secret, now, spec));
  return spec;
}

bool FitsType(SecretType type, crypto::KeyType key) {
  using crypto::KeyType;
  switch (type) {
    case SecretType::kCertRsa: return key == KeyType::kRsa;
    case SecretType::kCertEd25519: return key == KeyType::kEd25519;
    case SecretType::kCertEcdsa: return key != KeyType::kRsa && key != KeyType::kEd25519;
    case SecretType::kSymmetricKey:
    case SecretType::kPlain: break;
  }
  return false;
}

SecretValue CertificateValue(const Secret& secret, const crypto::Certificate& certificate,
                             const crypto::PrivateKey& key) {
  return {.definition = secret,
          .certificate = ToBytes(certificate.der()),
          .public_part = SecretBytes(ByteView(key.public_key().SpkiDer())),
          .private_part = key.Pkcs8Der()};
}

Result<SecretValue> TakeCertificate(const Secret& secret, const SecretUpload& upload) {
  if (!upload.key.empty()) return Malformed("has Key, wanted Cert and Private");
  if (upload.certificate.empty()) return Malformed("has no Cert");
  if (upload.private_key.empty()) return Malformed("has no Private");
  ASSIGN_OR_RETURN(const crypto::Certificate certificate,
                   In("Cert", crypto::Certificate::FromDer(upload.certificate)));
  ASSIGN_OR_RETURN(const crypto::PrivateKey key,
                   In("Private", crypto::PrivateKey::FromPkcs8Der(upload.private_key.Reveal())));
  if (!FitsType(secret.type, key.type()))
    return Malformed(fmt::format("Private is a key of type {}, wanted one for {}",
                                 crypto::KeyTypeName(key.type()),
                                 manifest::SecretTypeName(secret.type)));
  ASSIGN_OR_RETURN(const crypto::PublicKey certified, In("Cert", certificate.public_key()));
  if (!(certified == key.public_key())) return Malformed("Private is not the key of Cert");
  return CertificateValue(secret, certificate, key);
}

}  // namespace

Result<SecretValue> MakeCertificateSecret(const Secret& secret, const Hierarchy& authorities,
                                          UnixSeconds now) {
  ASSIGN_OR_RETURN(const crypto::CertificateSpec spec, SpecOf(secret, now));
  ASSIGN_OR_RETURN(const crypto::PrivateKey key, GenerateKey(secret));
  ASSIGN_OR_RETURN(const crypto::Certificate certificate,
                   crypto::SignCertificate(spec, key.public_key(),
                                           {authorities.marble_root, authorities.mesh_key}));
  return CertificateValue(secret, certificate, key);
}

Result<SecretTable> MakeCommonSecrets(const manifest::Manifest& manifest,
                                      const Hierarchy& authorities, UnixSeconds now,
                                      Entropy& entropy) {
  SecretTable out;
  for (const auto& [name, secret] : manifest.secrets) {
    if (!IsCommon(secret)) continue;
    SecretValue value{
        .definition = secret, .certificate = {}, .public_part = {}, .private_part = {}};
    if (secret.user_defined) {
      // stays empty until it is uploaded
    } else if (secret.type == SecretType::kSymmetricKey) {
      value = Symmetric(secret, entropy.TakeSecret(secret.size / 8));
    } else {
      ASSIGN_OR_RETURN(value,
                       In("Secrets." + name, MakeCertificateSecret(secret, authorities, now)));
    }
    out.emplace(name, std::make_shared<const SecretValue>(std::move(value)));
  }
  return out;
}

Result<SecretValue> DeriveSymmetricSecret(const Secret& secret, std::string_view name,
                                          const MarbleInstance& instance, ByteView root_secret) {
  const Bytes salt = Concat({AsBytes(instance.uuid), AsBytes(name)});
  const ByteView info = instance.disable_secret_binding ? ByteView() : AsBytes(instance.marble);
  ASSIGN_OR_RETURN(
      SecretBytes value,
      crypto::HkdfSha256({.key = root_secret, .salt = salt, .info = info}, secret.size / 8));
  return Symmetric(secret, std::move(value));
}

Result<SecretValue> TakeUpload(const Secret& secret, const SecretUpload& upload) {
  if (manifest::IsCertificate(secret.type)) return TakeCertificate(secret, upload);
  if (!upload.certificate.empty() || !upload.private_key.empty())
    return Malformed("has Cert or Private, wanted Key");
  if (upload.key.empty()) return Malformed("has no Key");
  if (secret.type == SecretType::kSymmetricKey && upload.key.size() != secret.size / 8)
    return Malformed(
        fmt::format("Key has {} bytes, wanted {}", upload.key.size(), secret.size / 8));
  return Symmetric(secret, upload.key.Clone());
}

}  // namespace strongroom::coordinator
