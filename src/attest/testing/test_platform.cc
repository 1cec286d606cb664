#include "attest/testing/test_platform.h"

#include "crypto/cert_builder.h"
#include "crypto/crl.h"
#include "crypto/hash.h"
#include "crypto/oid.h"

namespace strongroom::attest::testing {
namespace {

using crypto::Certificate;
using crypto::CertificateSpec;
using crypto::KeyType;
using crypto::PrivateKey;

constexpr std::int64_t kLong = 10'000'000;

struct Certificates {
  Certificate root;
  Certificate ca;
  Certificate leaf;
  Certificate tcb_signing;
};

CertificateSpec Spec(const Recipe& recipe, const std::string& cn) {
  CertificateSpec spec;
  spec.subject = {
      {"CN", cn}, {"O", "Intel Corporation"}, {"L", "Santa Clara"}, {"ST", "CA"}, {"C", "US"}};
  spec.not_before = recipe.now + (-kLong);
  spec.not_after = recipe.now + kLong;
  return spec;
}

CertificateSpec CaSpec(const Recipe& recipe, const std::string& cn, int path_length,
                       std::uint16_t key_usage) {
  CertificateSpec spec = Spec(recipe, cn);
  spec.basic_constraints = crypto::BasicConstraints{.is_ca = true, .path_length = path_length};
  spec.key_usage = key_usage;
  return spec;
}

CertificateSpec LeafSpec(const Recipe& recipe) {
  CertificateSpec spec = Spec(recipe, recipe.leaf_cn);
  spec.not_before = recipe.now + recipe.leaf_starts;
  spec.not_after = recipe.now + recipe.leaf_ends;
  spec.basic_constraints =
      crypto::BasicConstraints{.is_ca = recipe.leaf_is_ca, .path_length = std::nullopt};
  spec.key_usage = crypto::kDigitalSignature | crypto::kContentCommitment;
  spec.subject_key_id = recipe.leaf_key_ids;
  spec.authority_key_id = recipe.leaf_key_ids;
  const Bytes extension =
      recipe.sgx_extension.empty() ? SgxExtension(recipe) : recipe.sgx_extension;
  spec.extra_extensions = {{std::string(crypto::oid::kIntelSgx), false, extension}};
  return spec;
}

Result<Certificates> MakeCertificates(const Recipe& recipe, const Keys& keys) {
  constexpr std::uint16_t kSigner = crypto::kKeyCertSign | crypto::kCrlSign;
  ASSIGN_OR_RETURN(Certificate root,
                   crypto::SelfSign(CaSpec(recipe, "TEST Root CA", 1, kSigner), keys.root));
  const crypto::Issuer by_root{root, keys.root};
  ASSIGN_OR_RETURN(Certificate ca,
                   crypto::SignCertificate(CaSpec(recipe, recipe.ca_cn, 0, recipe.ca_key_usage),
                                           keys.ca.public_key(), by_root));
  CertificateSpec tcb_spec = Spec(recipe, "Intel SGX TCB Signing");
  tcb_spec.basic_constraints = crypto::BasicConstraints{};
  tcb_spec.key_usage = crypto::kDigitalSignature | crypto::kContentCommitment;
  ASSIGN_OR_RETURN(Certificate tcb_signing,
                   crypto::SignCertificate(tcb_spec, keys.tcb_signing.public_key(), by_root));
  const crypto::Issuer by_ca{ca, keys.ca};
  ASSIGN_OR_RETURN(Certificate leaf,
                   crypto::SignCertificate(LeafSpec(recipe), keys.leaf.public_key(), by_ca));
  return Certificates{root, ca, leaf, tcb_signing};
}

Result<Bytes> MakeCrl(const Recipe& recipe, const std::vector<Certificate>& revoked,
                      const crypto::Issuer& issuer) {
  crypto::CrlSpec spec;
  spec.this_update = recipe.now + recipe.lists_issued;
  spec.next_update = recipe.now + recipe.lists_end;
  for (const Certificate& certificate : revoked) {
    spec.revoked.push_back({certificate.fields().serial_hex, spec.this_update});
  }
  ASSIGN_OR_RETURN(const crypto::Crl crl, crypto::SignCrl(spec, issuer));
  return ToBytes(crl.der());
}

Result<Endorsements> MakeEndorsements(const Recipe& recipe, const Keys& keys,
                                      const Certificates& certificates) {
  Endorsements out;
  std::vector<Certificate> revoked_by_root;
  if (recipe.revoke_ca) revoked_by_root.push_back(certificates.ca);
  if (recipe.revoke_tcb_signing) revoked_by_root.push_back(certificates.tcb_signing);
  std::vector<Certificate> revoked_by_ca;
  if (recipe.revoke_leaf) revoked_by_ca.push_back(certificates.leaf);
  ASSIGN_OR_RETURN(out.root_ca_crl,
                   MakeCrl(recipe, revoked_by_root, {certificates.root, keys.root}));
  ASSIGN_OR_RETURN(out.pck_crl, MakeCrl(recipe, revoked_by_ca, {certificates.ca, keys.ca}));
  out.pck_crl_issuer_chain = crypto::ChainToPem({certificates.ca, certificates.root});
  out.tcb_info_issuer_chain = crypto::ChainToPem({certificates.tcb_signing, certificates.root});
  out.qe_identity_issuer_chain = out.tcb_info_issuer_chain;
  const std::string tcb_info =
      recipe.tcb_info_body.empty() ? TcbInfoBody(recipe) : recipe.tcb_info_body;
  const std::string qe_identity =
      recipe.qe_identity_body.empty() ? QeIdentityBody(recipe) : recipe.qe_identity_body;
  ASSIGN_OR_RETURN(out.tcb_info, SignDocument("tcbInfo", tcb_info, keys.tcb_signing));
  ASSIGN_OR_RETURN(out.qe_identity, SignDocument("enclaveIdentity", qe_identity, keys.tcb_signing));
  return out;
}

Result<Bytes> MakeQuote(const Recipe& recipe, const Keys& keys, const std::string& pck_chain) {
  constexpr auto kScheme = crypto::SignatureScheme::kEcdsaSha256;
  static constexpr std::uint8_t kIntel[] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                            0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
  Writer quote;
  quote.U16Le(3)
      .U16Le(2)
      .U32Le(0)
      .U16Le(recipe.qe_report.isv_svn)
      .U16Le(recipe.pce_svn)
      .Put(kIntel)
      .Zeros(20);
  quote.Put(EncodeSgxReportBody(recipe.body));
  ASSIGN_OR_RETURN(const Bytes signature, keys.attestation.SignRaw(kScheme, quote.bytes()));

  ASSIGN_OR_RETURN(const Bytes point, keys.attestation.public_key().RawPoint());
  SgxReportBody qe_report = recipe.qe_report;
  Writer report_data;
  report_data.Put(crypto::Sha256({point, recipe.authentication_data}).view()).Zeros(32);
  ASSIGN_OR_RETURN(qe_report.report_data, ReportData::From(report_data.bytes()));
  const Bytes qe_bytes = EncodeSgxReportBody(qe_report);
  ASSIGN_OR_RETURN(const Bytes qe_signature, keys.leaf.SignRaw(kScheme, qe_bytes));

  Writer data;
  data.Put(signature).Put(point).Put(qe_bytes).Put(qe_signature);
  data.U16Le(static_cast<std::uint16_t>(recipe.authentication_data.size()))
      .Put(recipe.authentication_data);
  data.U16Le(5).Prefixed32Le(pck_chain);
  quote.Prefixed32Le(data.bytes());
  return std::move(quote).Finish();
}

}  // namespace

Recipe::Recipe() {
  components.fill(10);
  body.attributes_flags = kSgxFlagInit | kSgxFlagMode64Bit;
  body.mrenclave.writable()[0] = 0xe1;
  body.mrsigner.writable()[0] = 0x51;
  body.isv_prod_id = 2;
  body.isv_svn = 3;
  body.report_data.writable()[0] = 0xda;
  qe_report.attributes_flags = kSgxFlagInit | kSgxFlagMode64Bit | kSgxFlagProvisionKey;
  qe_report.mrsigner = MrSigner::From(Bytes(32, 0x8c)).value();
  qe_report.isv_prod_id = 1;
  qe_report.isv_svn = 8;
}

Result<Keys> Keys::Generate() {
  ASSIGN_OR_RETURN(PrivateKey root, PrivateKey::Generate(KeyType::kP256));
  ASSIGN_OR_RETURN(PrivateKey ca, PrivateKey::Generate(KeyType::kP256));
  ASSIGN_OR_RETURN(PrivateKey leaf, PrivateKey::Generate(KeyType::kP256));
  ASSIGN_OR_RETURN(PrivateKey tcb_signing, PrivateKey::Generate(KeyType::kP256));
  ASSIGN_OR_RETURN(PrivateKey attestation, PrivateKey::Generate(KeyType::kP256));
  return Keys{root, ca, leaf, tcb_signing, attestation};
}

const Keys& TestKeys() {
  static const Keys keys = Keys::Generate().value();
  return keys;
}

Result<Made> Make(const Recipe& recipe, const Keys& keys) {
  ASSIGN_OR_RETURN(const Certificates certificates, MakeCertificates(recipe, keys));
  Made made;
  ASSIGN_OR_RETURN(made.endorsements, MakeEndorsements(recipe, keys, certificates));
  made.pck_chain = crypto::ChainToPem({certificates.leaf, certificates.ca, certificates.root});
  ASSIGN_OR_RETURN(made.quote, MakeQuote(recipe, keys, made.pck_chain));
  ASSIGN_OR_RETURN(const Anchor anchor, Anchor::From(keys.root.public_key().SpkiSha256().view()));
  made.anchors.Add(anchor);
  made.now = recipe.now;
  return made;
}

}  // namespace strongroom::attest::testing
