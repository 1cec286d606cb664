#include "sim/collateral.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/json.h"
#include "crypto/crl.h"
#include "sim/keys.h"
#include "sim/quoting_enclave.h"

namespace strongroom::sim {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kDocumentLifetime = 30 * kDay;
constexpr std::int64_t kRootCrlLifetime = 365 * kDay;

struct Period {
  UnixSeconds issued;
  UnixSeconds next_update;
};

Period PeriodAt(UnixSeconds now, std::int64_t lifetime, const std::set<CollateralFault>& faults) {
  UnixSeconds issued = now + -kHour;
  if (faults.contains(CollateralFault::kExpired)) issued = now + (-kDay - lifetime);
  if (faults.contains(CollateralFault::kNotYetValid)) issued = now + kDay;
  return {.issued = issued, .next_update = issued + lifetime};
}

void WriteHead(JsonWriter& json, std::string_view id, int version, const Period& period) {
  json.Object().Key("id").String(id).Key("version").Int(version);
  json.Key("issueDate")
      .String(FormatRfc3339(period.issued))
      .Key("nextUpdate")
      .String(FormatRfc3339(period.next_update));
}

void WriteVerdict(JsonWriter& json, std::string_view date, attest::TcbStatus status,
                  const std::vector<std::string_view>& advisories) {
  json.Key("tcbDate").String(date).Key("tcbStatus").String(attest::TcbStatusName(status));
  if (!advisories.empty()) {
    json.Key("advisoryIDs").Array();
    for (const std::string_view advisory : advisories) json.String(advisory);
    json.End();
  }
}

void WriteTcbLevel(JsonWriter& json, const TcbLevel& level) {
  json.Object().Key("tcb").Object().Key("sgxtcbcomponents").Array();
  for (const std::uint8_t svn : level.components) json.Object().Key("svn").Int(svn).End();
  json.End().Key("pcesvn").Int(level.pce_svn).End();
  WriteVerdict(json, level.date, level.status, level.advisories);
  json.End();
}

struct QeLevel {
  std::uint16_t isv_svn;
  std::string_view date;
  attest::TcbStatus status;
  std::vector<std::string_view> advisories;
};

const std::vector<QeLevel>& QeLevels() {
  static const std::vector<QeLevel> levels = {
      {8, "2026-02-11T00:00:00Z", attest::TcbStatus::kUpToDate, {}},
      {6, "2021-11-10T00:00:00Z", attest::TcbStatus::kOutOfDate, {"INTEL-SA-00615"}},
      {5,
       "2020-11-11T00:00:00Z",
       attest::TcbStatus::kOutOfDate,
       {"INTEL-SA-00477", "INTEL-SA-00615"}},
  };
  return levels;
}

// Names a signed document: {"<name>":<inner>,"signature":"<r‖s>"} with the signature over the inner
// text.
Result<std::string> SignDocument(std::string_view name, std::string inner,
                                 const crypto::PrivateKey& key, bool spoil_signature,
                                 bool change_after_signing) {
  ASSIGN_OR_RETURN(Bytes signature,
                   key.SignRaw(crypto::SignatureScheme::kEcdsaSha256, AsBytes(inner)));
  if (spoil_signature) signature.back() ^= 1U;
  if (change_after_signing) {
    const auto at = inner.find("\"tcbDate\":\"2") + 11;
    inner.at(at) = '3';
  }
  return fmt::format("{{\"{}\":{},\"signature\":\"{}\"}}", name, inner, HexEncode(signature));
}

Bytes SpoilLastByte(ByteView der) {
  Bytes out = ToBytes(der);
  out.back() ^= 1U;
  return out;
}

crypto::Issuer IssuerOf(const CertifiedKey& certified) {
  return {.certificate = certified.certificate, .key = certified.key};
}

}  // namespace

std::string Collateral::PckIssuerChain(PckCa ca) const {
  return world_.keys().Ca(ca == PckCa::kPlatform).certificate.Pem() + world_.root_certificate_pem();
}

std::string Collateral::TcbSigningChain() const {
  return world_.keys().tcb_signing.certificate.Pem() + world_.root_certificate_pem();
}

Result<Bytes> Collateral::RootCaCrl(UnixSeconds now) const {
  const Period period = PeriodAt(now, kRootCrlLifetime, options_.faults);
  crypto::CrlSpec spec{
      .this_update = period.issued, .next_update = period.next_update, .number = 1, .revoked = {}};
  const WorldKeys& keys = world_.keys();
  const auto revoke = [&](const CertifiedKey& which) {
    spec.revoked.push_back(
        {.serial_hex = which.certificate.fields().serial_hex, .revoked_at = period.issued});
  };
  if (options_.faults.contains(CollateralFault::kTcbSigningRevoked)) revoke(keys.tcb_signing);
  if (options_.faults.contains(CollateralFault::kPlatformCaRevoked)) revoke(keys.platform_ca);
  ASSIGN_OR_RETURN(const crypto::Crl crl, crypto::SignCrl(spec, IssuerOf(keys.root)));
  if (options_.faults.contains(CollateralFault::kRootCrlSignature)) return SpoilLastByte(crl.der());
  return ToBytes(crl.der());
}

Result<Bytes> Collateral::PckCrl(PckCa ca, UnixSeconds now) const {
  const Period period = PeriodAt(now, kDocumentLifetime, options_.faults);
  crypto::CrlSpec spec{
      .this_update = period.issued, .next_update = period.next_update, .number = 1, .revoked = {}};
  for (const Platform& platform : world_.platforms()) {
    if (!platform.model().pck_revoked || platform.model().ca != ca) continue;
    spec.revoked.push_back({.serial_hex = platform.keys().pck.certificate.fields().serial_hex,
                            .revoked_at = period.issued});
  }
  ASSIGN_OR_RETURN(const crypto::Crl crl,
                   crypto::SignCrl(spec, IssuerOf(world_.keys().Ca(ca == PckCa::kPlatform))));
  if (options_.faults.contains(CollateralFault::kPckCrlSignature)) return SpoilLastByte(crl.der());
  return ToBytes(crl.der());
}

Result<std::string> Collateral::TcbInfo(const attest::Fmspc& fmspc, UnixSeconds now) const {
  std::vector<TcbLevel> levels = TcbLevelsOf(fmspc);
  if (levels.empty())
    return NotFound(fmt::format("no TCB info for FMSPC {}", HexEncode(fmspc.view())));
  for (const auto& [name, status] : options_.statuses) {
    ASSIGN_OR_RETURN(const Platform* platform, world_.FindPlatform(name));
    if (platform->model().fmspc != fmspc) continue;
    for (TcbLevel& level : levels) {
      if (level.components == platform->model().tcb_components) level.status = status;
    }
  }
  JsonWriter json;
  WriteHead(json, "SGX", 3, PeriodAt(now, kDocumentLifetime, options_.faults));
  json.Key("fmspc")
      .String(HexEncode(fmspc.view()))
      .Key("pceId")
      .String("0000")
      .Key("tcbType")
      .Int(0);
  json.Key("tcbEvaluationDataNumber").Unsigned(options_.evaluation_number).Key("tcbLevels").Array();
  for (const TcbLevel& level : levels) WriteTcbLevel(json, level);
  json.End().End();
  return SignDocument("tcbInfo", std::move(json).Finish(), world_.keys().tcb_signing.key,
                      options_.faults.contains(CollateralFault::kTcbInfoSignature),
                      options_.faults.contains(CollateralFault::kTcbInfoChanged));
}

Result<std::string> Collateral::QeIdentity(UnixSeconds now) const {
  attest::MrSigner signer = QeSigner();
  if (options_.faults.contains(CollateralFault::kQeIdentityOfOtherEnclave))
    signer.writable()[0] ^= 1U;
  JsonWriter json;
  WriteHead(json, "QE", 2, PeriodAt(now, kDocumentLifetime, options_.faults));
  json.Key("tcbEvaluationDataNumber").Unsigned(options_.evaluation_number);
  json.Key("miscselect").String("00000000").Key("miscselectMask").String("FFFFFFFF");
  json.Key("attributes").String("11000000000000000000000000000000");
  json.Key("attributesMask").String("FBFFFFFFFFFFFFFF0000000000000000");
  json.Key("mrsigner")
      .String(HexEncode(signer.view()))
      .Key("isvprodid")
      .Int(kQeProdId)
      .Key("tcbLevels")
      .Array();
  for (const QeLevel& level : QeLevels()) {
    json.Object().Key("tcb").Object().Key("isvsvn").Int(level.isv_svn).End();
    WriteVerdict(json, level.date, level.status, level.advisories);
    json.End();
  }
  json.End().End();
  return SignDocument("enclaveIdentity", std::move(json).Finish(), world_.keys().tcb_signing.key,
                      options_.faults.contains(CollateralFault::kQeIdentitySignature), false);
}

Result<attest::Endorsements> Collateral::For(const Platform& platform, UnixSeconds now) const {
  PckCa ca = platform.model().ca;
  if (options_.faults.contains(CollateralFault::kPckCrlOfOtherCa)) {
    ca = ca == PckCa::kPlatform ? PckCa::kProcessor : PckCa::kPlatform;
  }
  attest::Fmspc fmspc = platform.model().fmspc;
  if (options_.faults.contains(CollateralFault::kTcbInfoOfOtherFmspc)) {
    const auto all = AllFmspcs();
    fmspc = *std::ranges::find_if(all, [&](const attest::Fmspc& other) { return other != fmspc; });
  }
  attest::Endorsements endorsements;
  ASSIGN_OR_RETURN(endorsements.root_ca_crl, RootCaCrl(now));
  ASSIGN_OR_RETURN(endorsements.pck_crl, PckCrl(ca, now));
  ASSIGN_OR_RETURN(endorsements.tcb_info, TcbInfo(fmspc, now));
  ASSIGN_OR_RETURN(endorsements.qe_identity, QeIdentity(now));
  endorsements.pck_crl_issuer_chain = PckIssuerChain(ca);
  endorsements.tcb_info_issuer_chain = TcbSigningChain();
  endorsements.qe_identity_issuer_chain = TcbSigningChain();
  return endorsements;
}

}  // namespace strongroom::sim
