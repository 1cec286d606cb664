#include "sim/evidence.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/entropy.h"
#include "base/reader.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "sim/keys.h"
#include "sim/pki.h"
#include "sim/quoting_enclave.h"

namespace strongroom::sim {
namespace {

using Faults = std::set<QuoteFault>;

constexpr std::array<std::uint8_t, 16> kIntelQeVendorId = {
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
constexpr std::uint16_t kEcdsaP256 = 2;
constexpr std::uint16_t kPckChain = 5;
constexpr std::size_t kHeaderBytes = 48;
constexpr std::size_t kMrEnclaveOffset = kHeaderBytes + 64;
constexpr std::size_t kQeSvnOffset = 258;
constexpr std::uint64_t kXfrm = 0xe7;  // x87, SSE, AVX, AVX-512
constexpr std::size_t kQeAuthenticationBytes = 32;

// What vouches for the quoting enclave: the platform's own keys, unless a fault puts others in.
struct Signers {
  crypto::PrivateKey pck;
  crypto::PrivateKey attestation;  // signs the quote
  Bytes attested_key;              // x‖y that the QE's report names
  std::string chain_pem;
};

Result<Signers> ForeignSigners(const Platform& platform, Signers signers) {
  SystemEntropy entropy;
  const UnixSeconds born = platform.keys().pck.certificate.fields().not_before + 86400;
  ASSIGN_OR_RETURN(const WorldKeys foreign, MakePki(entropy, born));
  ASSIGN_OR_RETURN(const CertifiedKey pck,
                   MakePck(foreign, platform.model().ca, platform.identity(), entropy, born));
  signers.pck = pck.key;
  signers.chain_pem = pck.certificate.Pem() +
                      foreign.Ca(platform.model().ca == PckCa::kPlatform).certificate.Pem() +
                      foreign.root.certificate.Pem();
  return signers;
}

Result<Signers> ChooseSigners(const World& world, const Platform& platform, const Faults& faults) {
  const PlatformKeys& keys = platform.keys();
  ASSIGN_OR_RETURN(Bytes own_key, keys.attestation_key.public_key().RawPoint());
  Signers signers{.pck = keys.pck.key,
                  .attestation = keys.attestation_key,
                  .attested_key = std::move(own_key),
                  .chain_pem = platform.pck_chain_pem()};
  if (faults.contains(QuoteFault::kAttestationKeySwapped)) {
    ASSIGN_OR_RETURN(signers.attestation, crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  }
  if (faults.contains(QuoteFault::kOtherPlatformsPck)) {
    const auto& all = world.platforms();
    signers.chain_pem = std::ranges::find_if(all, [&](const Platform& p) {
                          return p.model().fmspc == platform.model().fmspc &&
                                 p.model().name != platform.model().name;
                        })->pck_chain_pem();
  }
  if (faults.contains(QuoteFault::kForeignRoot))
    return ForeignSigners(platform, std::move(signers));
  return signers;
}

Bytes EncodeQuoteBody(const Platform& platform, const EnclaveIdentity& enclave,
                      const attest::ReportData& report_data, const Faults& faults) {
  Writer writer;
  writer.U16Le(faults.contains(QuoteFault::kVersion) ? 4 : 3).U16Le(kEcdsaP256).U32Le(0);
  writer.U16Le(platform.model().qe_isv_svn).U16Le(platform.model().pce_svn);
  auto vendor = kIntelQeVendorId;
  if (faults.contains(QuoteFault::kVendorId)) vendor[0] ^= 1U;
  writer.Put(vendor).Put(platform.qe_id()).Zeros(4);
  attest::SgxReportBody body;
  body.cpu_svn = platform.identity().cpu_svn;
  body.attributes_flags = attest::kSgxFlagInit | attest::kSgxFlagMode64Bit |
                          (enclave.debug ? attest::kSgxFlagDebug : 0U);
  body.attributes_xfrm = kXfrm;
  body.mrenclave = enclave.mrenclave;
  body.mrsigner = enclave.mrsigner;
  body.isv_prod_id = enclave.isv_prod_id;
  body.isv_svn = enclave.isv_svn;
  body.report_data = report_data;
  writer.Put(attest::EncodeSgxReportBody(body));
  return std::move(writer).Finish();
}

Bytes EncodeQeReport(const Platform& platform, ByteView attested_key, ByteView authentication_data,
                     const Faults& faults) {
  attest::SgxReportBody report;
  report.cpu_svn = platform.identity().cpu_svn;
  report.attributes_flags =
      kQeAttributes | (faults.contains(QuoteFault::kDebugQe) ? attest::kSgxFlagDebug : 0U);
  report.attributes_xfrm = kXfrm;
  report.mrenclave = QeMeasurement(platform.model().qe_isv_svn);
  report.mrsigner = QeSigner();
  if (faults.contains(QuoteFault::kForeignQe)) report.mrsigner.writable()[0] ^= 1U;
  report.isv_prod_id = kQeProdId;
  report.isv_svn = platform.model().qe_isv_svn;
  const auto binding = crypto::Sha256({attested_key, authentication_data});
  std::ranges::copy(binding.array(), report.report_data.writable().begin());
  if (faults.contains(QuoteFault::kQeReportDataTail)) report.report_data.writable().back() = 1;
  return attest::EncodeSgxReportBody(report);
}

Result<Bytes> Sign(const crypto::PrivateKey& key, ByteView message, bool spoil) {
  ASSIGN_OR_RETURN(Bytes signature, key.SignRaw(crypto::SignatureScheme::kEcdsaSha256, message));
  if (spoil) signature.back() ^= 1U;
  return signature;
}

// The signature data of version 3 (quote generation API, A.4): all after its length.
Result<Bytes> EncodeSignatureData(const Platform& platform, const Signers& signers, ByteView body,
                                  const Faults& faults) {
  Bytes authentication_data(kQeAuthenticationBytes);
  for (std::size_t i = 0; i < authentication_data.size(); ++i)
    authentication_data[i] = static_cast<std::uint8_t>(i);
  Bytes qe_report = EncodeQeReport(platform, signers.attested_key, authentication_data, faults);
  ASSIGN_OR_RETURN(const Bytes signature,
                   Sign(signers.attestation, body, faults.contains(QuoteFault::kQuoteSignature)));
  ASSIGN_OR_RETURN(const Bytes qe_signature,
                   Sign(signers.pck, qe_report, faults.contains(QuoteFault::kQeReportSignature)));
  if (faults.contains(QuoteFault::kQeReportChanged)) qe_report[kQeSvnOffset] ^= 0x80U;
  ASSIGN_OR_RETURN(const Bytes key, signers.attestation.public_key().RawPoint());
  Writer writer;
  writer.Put(signature).Put(key).Put(qe_report).Put(qe_signature);
  writer.U16Le(static_cast<std::uint16_t>(authentication_data.size())).Put(authentication_data);
  writer.U16Le(kPckChain).U32Le(static_cast<std::uint32_t>(signers.chain_pem.size() + 1));
  writer.Put(signers.chain_pem).U8(0);  // Intel's library counts the terminating zero in
  return std::move(writer).Finish();
}

}  // namespace

Result<Bytes> IssueQuote(const World& world, const Platform& platform,
                         const EnclaveIdentity& enclave, const attest::ReportData& report_data,
                         const std::set<QuoteFault>& faults) {
  ASSIGN_OR_RETURN(const Signers signers, ChooseSigners(world, platform, faults));
  Bytes quote = EncodeQuoteBody(platform, enclave, report_data, faults);
  ASSIGN_OR_RETURN(const Bytes signature_data,
                   EncodeSignatureData(platform, signers, quote, faults));
  if (faults.contains(QuoteFault::kBodyChanged)) quote[kMrEnclaveOffset] ^= 1U;
  Writer tail;
  tail.U32Le(static_cast<std::uint32_t>(signature_data.size())).Put(signature_data);
  if (faults.contains(QuoteFault::kTrailingBytes)) tail.U8(1);
  quote.insert(quote.end(), tail.bytes().begin(), tail.bytes().end());
  return quote;
}

Result<SecretBytes> DeriveSealingKey(const Platform& platform, const EnclaveIdentity& enclave,
                                     SealBinding binding) {
  Writer info;
  info.Put("strongroom simulated sealing key v1").U8(static_cast<std::uint8_t>(binding));
  info.Put(binding == SealBinding::kEnclave ? enclave.mrenclave.view() : enclave.mrsigner.view());
  info.U16Le(enclave.isv_prod_id).U16Le(enclave.isv_svn).U8(enclave.debug ? 1 : 0);
  return crypto::HkdfSha256({.key = platform.keys().sealing_secret.Reveal(), .info = info.bytes()},
                            16);
}

}  // namespace strongroom::sim
