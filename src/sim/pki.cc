#include "sim/pki.h"

#include <fmt/format.h>

#include "crypto/cert_builder.h"
#include "crypto/der.h"
#include "crypto/oid.h"

namespace strongroom::sim {
namespace {

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kYear = 365 * kDay;
constexpr std::uint16_t kCaUsage = crypto::kKeyCertSign | crypto::kCrlSign;
constexpr std::uint16_t kLeafUsage = crypto::kDigitalSignature | crypto::kContentCommitment;

// Intel's distinguished names but for the organisation, so that nobody takes one for the other.
crypto::DistinguishedName NameOf(std::string_view common_name) {
  return {{"CN", std::string(common_name)},
          {"O", "Strongroom TEST"},
          {"L", "Santa Clara"},
          {"ST", "CA"},
          {"C", "US"}};
}

Bytes Serial(Entropy& entropy) {
  Bytes serial = entropy.Take(20);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3fU) | 0x40U);  // positive, always 20 bytes
  return serial;
}

struct Certified {
  std::string_view common_name;
  std::int64_t lifetime = 0;
  std::optional<int> path_length;  // nothing: no CA
  std::string crl_url{kRootCrlUrl};
};

crypto::CertificateSpec SpecOf(const Certified& what, Entropy& entropy, UnixSeconds now) {
  crypto::CertificateSpec spec;
  spec.subject = NameOf(what.common_name);
  spec.not_before = now + -kDay;
  spec.not_after = now + what.lifetime;
  spec.basic_constraints = {.is_ca = what.path_length.has_value(), .path_length = what.path_length};
  spec.key_usage = what.path_length.has_value() ? kCaUsage : kLeafUsage;
  spec.crl_distribution_points = {what.crl_url};
  spec.serial = Serial(entropy);
  return spec;
}

Result<CertifiedKey> MakeRoot(Entropy& entropy, UnixSeconds now) {
  ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  const auto spec = SpecOf(
      {.common_name = "Strongroom TEST SGX Root CA", .lifetime = 30 * kYear, .path_length = 1},
      entropy, now);
  ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::SelfSign(spec, key));
  return CertifiedKey{.key = std::move(key), .certificate = std::move(certificate)};
}

Result<CertifiedKey> MakeSigned(const crypto::CertificateSpec& spec, const CertifiedKey& issuer) {
  ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  ASSIGN_OR_RETURN(crypto::Certificate certificate,
                   crypto::SignCertificate(spec, key.public_key(),
                                           {.certificate = issuer.certificate, .key = issuer.key}));
  return CertifiedKey{.key = std::move(key), .certificate = std::move(certificate)};
}

std::string SgxOid(std::string_view suffix) {
  return fmt::format("{}.{}", crypto::oid::kIntelSgx, suffix);
}

Bytes Pair(std::string_view suffix, const Bytes& value) {
  return crypto::DerSequence({crypto::DerOid(SgxOid(suffix)), value});
}

Bytes EncodeTcb(const attest::PlatformIdentity& identity) {
  std::vector<Bytes> parts;
  for (std::size_t i = 0; i < identity.tcb_components.size(); ++i) {
    parts.push_back(
        Pair(fmt::format("2.{}", i + 1), crypto::DerUnsigned(identity.tcb_components[i])));
  }
  parts.push_back(Pair("2.17", crypto::DerUnsigned(identity.pce_svn)));
  parts.push_back(Pair("2.18", crypto::DerOctetString(identity.cpu_svn.view())));
  return crypto::DerSequence(parts);
}

}  // namespace

Bytes EncodeSgxExtension(const attest::PlatformIdentity& identity) {
  std::vector<Bytes> parts = {
      Pair("1", crypto::DerOctetString(identity.ppid.view())),
      Pair("2", EncodeTcb(identity)),
      Pair("3", crypto::DerOctetString(identity.pce_id.view())),
      Pair("4", crypto::DerOctetString(identity.fmspc.view())),
      Pair("5", crypto::DerEnumerated(static_cast<std::uint8_t>(identity.sgx_type))),
  };
  if (identity.instance_id.has_value()) {
    parts.push_back(Pair("6", crypto::DerOctetString(identity.instance_id->view())));
    parts.push_back(
        Pair("7", crypto::DerSequence({
                      Pair("7.1", crypto::DerBoolean(identity.dynamic_platform.value_or(false))),
                      Pair("7.2", crypto::DerBoolean(identity.cached_keys.value_or(false))),
                      Pair("7.3", crypto::DerBoolean(identity.smt_enabled.value_or(false))),
                  })));
  }
  return crypto::DerSequence(parts);
}

Result<WorldKeys> MakePki(Entropy& entropy, UnixSeconds now) {
  ASSIGN_OR_RETURN(CertifiedKey root, MakeRoot(entropy, now));
  const auto make = [&](const Certified& what) {
    return MakeSigned(SpecOf(what, entropy, now), root);
  };
  ASSIGN_OR_RETURN(
      CertifiedKey platform_ca,
      make({.common_name = "Intel SGX PCK Platform CA", .lifetime = 15 * kYear, .path_length = 0}));
  ASSIGN_OR_RETURN(CertifiedKey processor_ca, make({.common_name = "Intel SGX PCK Processor CA",
                                                    .lifetime = 15 * kYear,
                                                    .path_length = 0}));
  ASSIGN_OR_RETURN(CertifiedKey tcb_signing, make({.common_name = "Intel SGX TCB Signing",
                                                   .lifetime = 7 * kYear,
                                                   .path_length = std::nullopt}));
  return WorldKeys{.root = std::move(root),
                   .platform_ca = std::move(platform_ca),
                   .processor_ca = std::move(processor_ca),
                   .tcb_signing = std::move(tcb_signing)};
}

Result<CertifiedKey> MakePck(const WorldKeys& keys, PckCa ca,
                             const attest::PlatformIdentity& identity, Entropy& entropy,
                             UnixSeconds now) {
  const bool platform = ca == PckCa::kPlatform;
  auto spec =
      SpecOf({.common_name = "Intel SGX PCK Certificate",
              .lifetime = 7 * kYear,
              .path_length = std::nullopt,
              .crl_url = fmt::format(
                  "https://simulated.invalid/sgx/certification/v4/pckcrl?ca={}&encoding=der",
                  platform ? "platform" : "processor")},
             entropy, now);
  spec.extra_extensions.push_back({.oid = std::string(crypto::oid::kIntelSgx),
                                   .critical = false,
                                   .value = EncodeSgxExtension(identity)});
  return MakeSigned(spec, keys.Ca(platform));
}

}  // namespace strongroom::sim
