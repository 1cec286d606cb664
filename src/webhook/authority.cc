#include "webhook/authority.h"

#include <fmt/format.h>

#include "crypto/cert_builder.h"
#include "crypto/oid.h"

namespace strongroom::webhook {
namespace {

constexpr std::int64_t kClockSlackSeconds = 300;

bool PastTwoThirds(const crypto::Certificate& certificate, UnixSeconds now) {
  const crypto::CertificateFields& fields = certificate.fields();
  const std::int64_t life = fields.not_after - fields.not_before;
  return now - fields.not_before >= life / 3 * 2;
}

Result<Authority> MakeAuthority(UnixSeconds now) {
  ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", "Strongroom Webhook CA"}};
  spec.not_before = now + -kClockSlackSeconds;
  spec.not_after = now + kAuthoritySeconds;
  spec.basic_constraints = crypto::BasicConstraints{.is_ca = true, .path_length = 0};
  spec.key_usage = crypto::kKeyCertSign | crypto::kCrlSign;
  ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::SelfSign(spec, key));
  return Authority{std::move(certificate), std::move(key)};
}

struct Leaf {
  crypto::Certificate certificate;
  crypto::PrivateKey key;
};

Result<Leaf> MakeLeaf(const Authority& authority, const std::vector<std::string>& names,
                      UnixSeconds now) {
  ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  crypto::CertificateSpec spec;
  spec.subject = {{"CN", "Strongroom Webhook"}};
  spec.not_before = now + -kClockSlackSeconds;
  spec.not_after = now + kLeafSeconds;
  spec.dns_names = names;
  spec.basic_constraints = crypto::BasicConstraints{.is_ca = false, .path_length = std::nullopt};
  spec.key_usage = crypto::kDigitalSignature;
  spec.extended_key_usage = {std::string(crypto::oid::kServerAuth)};
  ASSIGN_OR_RETURN(
      crypto::Certificate certificate,
      crypto::SignCertificate(spec, key.public_key(), {authority.certificate, authority.key}));
  return Leaf{std::move(certificate), std::move(key)};
}

Status SignNewLeaf(ServingState& state, const std::vector<std::string>& names, UnixSeconds now) {
  ASSIGN_OR_RETURN(Leaf leaf, MakeLeaf(state.current, names, now));
  state.leaf = std::move(leaf.certificate);
  state.leaf_key = std::move(leaf.key);
  return {};
}

bool IsAnnounced(const Authority& authority, UnixSeconds now) {
  return now - authority.certificate.fields().not_before >= kAnnouncedSeconds + kClockSlackSeconds;
}

Status Promote(ServingState& state, const std::vector<std::string>& names, UnixSeconds now) {
  state.previous = state.current.certificate;
  state.current = *std::move(state.next);
  state.next.reset();
  return SignNewLeaf(state, names, now);
}

SecretBytes CertificatePem(const crypto::Certificate& certificate) {
  return SecretBytes(AsBytes(certificate.Pem()));
}

Result<std::string_view> Member(const SecretData& data, const std::string& name) {
  const auto found = data.find(name);
  if (found == data.end()) return Malformed(fmt::format("the secret has no {}", name));
  return AsText(found->second.Reveal());
}

Result<crypto::Certificate> ReadCertificate(const SecretData& data, const std::string& name) {
  ASSIGN_OR_RETURN(const std::string_view pem, Member(data, name));
  return In(name, crypto::Certificate::FromPem(pem));
}

Result<crypto::PrivateKey> ReadKey(const SecretData& data, const std::string& name,
                                   const crypto::Certificate& certificate) {
  ASSIGN_OR_RETURN(const std::string_view pem, Member(data, name));
  ASSIGN_OR_RETURN(crypto::PrivateKey key, In(name, crypto::PrivateKey::FromPem(pem)));
  ASSIGN_OR_RETURN(const crypto::PublicKey certified, certificate.public_key());
  if (!(certified == key.public_key()))
    return Untrusted(fmt::format("{} is another key than its certificate's", name));
  return key;
}

Result<Authority> ReadAuthority(const SecretData& data, const std::string& name) {
  ASSIGN_OR_RETURN(crypto::Certificate certificate, ReadCertificate(data, name + ".crt"));
  if (!certificate.fields().is_ca()) return Untrusted(name + ".crt is no authority");
  ASSIGN_OR_RETURN(crypto::PrivateKey key, ReadKey(data, name + ".key", certificate));
  return Authority{std::move(certificate), std::move(key)};
}

}  // namespace

Result<ServingState> MakeServingState(const std::vector<std::string>& names, UnixSeconds now) {
  ASSIGN_OR_RETURN(Authority authority, MakeAuthority(now));
  ASSIGN_OR_RETURN(Leaf leaf, MakeLeaf(authority, names, now));
  return ServingState{.current = std::move(authority),
                      .leaf = std::move(leaf.certificate),
                      .leaf_key = std::move(leaf.key)};
}

Result<std::optional<ServingState>> Renew(const ServingState& state,
                                          const std::vector<std::string>& names, UnixSeconds now) {
  ServingState out = state;
  bool changed = false;
  if (out.next.has_value() && IsAnnounced(*out.next, now)) {
    RETURN_IF_ERROR(Promote(out, names, now));
    changed = true;
  }
  if (!out.next.has_value() && PastTwoThirds(out.current.certificate, now)) {
    ASSIGN_OR_RETURN(out.next, MakeAuthority(now));
    changed = true;
  }
  if (PastTwoThirds(out.leaf, now) || out.leaf.fields().dns_names != names) {
    RETURN_IF_ERROR(SignNewLeaf(out, names, now));
    changed = true;
  }
  if (out.previous.has_value() && out.previous->fields().not_after < now) {
    out.previous.reset();
    changed = true;
  }
  if (!changed) return std::nullopt;
  return out;
}

std::string CaBundle(const ServingState& state) {
  std::string out;
  if (state.previous.has_value()) out += state.previous->Pem();
  out += state.current.certificate.Pem();
  if (state.next.has_value()) out += state.next->certificate.Pem();
  return out;
}

SecretData ToSecretData(const ServingState& state) {
  SecretData out;
  out["ca.crt"] = CertificatePem(state.current.certificate);
  out["ca.key"] = state.current.key.Pkcs8Pem();
  out["tls.crt"] = CertificatePem(state.leaf);
  out["tls.key"] = state.leaf_key.Pkcs8Pem();
  if (state.next.has_value()) {
    out["next-ca.crt"] = CertificatePem(state.next->certificate);
    out["next-ca.key"] = state.next->key.Pkcs8Pem();
  }
  if (state.previous.has_value()) out["previous-ca.crt"] = CertificatePem(*state.previous);
  return out;
}

Result<ServingState> FromSecretData(const SecretData& data) {
  ASSIGN_OR_RETURN(Authority current, ReadAuthority(data, "ca"));
  ASSIGN_OR_RETURN(crypto::Certificate leaf, ReadCertificate(data, "tls.crt"));
  ASSIGN_OR_RETURN(crypto::PrivateKey leaf_key, ReadKey(data, "tls.key", leaf));
  if (!leaf.VerifySignature(current.key.public_key()).has_value())
    return Untrusted("tls.crt was not signed by ca.crt");
  ServingState out{
      .current = std::move(current), .leaf = std::move(leaf), .leaf_key = std::move(leaf_key)};
  if (data.contains("next-ca.crt")) {
    ASSIGN_OR_RETURN(out.next, ReadAuthority(data, "next-ca"));
  }
  if (data.contains("previous-ca.crt")) {
    ASSIGN_OR_RETURN(out.previous, ReadCertificate(data, "previous-ca.crt"));
  }
  return out;
}

}  // namespace strongroom::webhook
