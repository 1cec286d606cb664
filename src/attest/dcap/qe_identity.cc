#include "attest/dcap/qe_identity.h"

#include <algorithm>

#include <fmt/format.h>

#include "attest/dcap/json_fields.h"
#include "base/encoding.h"

namespace strongroom::attest::dcap {
namespace {

constexpr std::size_t kMaxLevels = 1024;

template <std::size_t N>
Status ReadArray(const Json& object, std::string_view name, std::array<std::uint8_t, N>& out) {
  ASSIGN_OR_RETURN(const Bytes bytes, GetHexBytes(object, name, N));
  std::ranges::copy(bytes, out.begin());
  return {};
}

Result<QeLevel> ReadLevel(const Json& level) {
  RETURN_IF_ERROR(ExpectOnly(level, {"tcb", "tcbDate", "tcbStatus", "advisoryIDs"}));
  ASSIGN_OR_RETURN(const Json* tcb, level.Get("tcb"));
  RETURN_IF_ERROR(ExpectOnly(*tcb, {"isvsvn"}));
  QeLevel out;
  ASSIGN_OR_RETURN(const std::uint64_t isv_svn, GetUnsigned(*tcb, "isvsvn", 65535));
  out.isv_svn = static_cast<std::uint16_t>(isv_svn);
  ASSIGN_OR_RETURN(out.verdict, ReadVerdict(level));
  return out;
}

Result<std::vector<QeLevel>> ReadLevels(const Json& object) {
  ASSIGN_OR_RETURN(const Json* array, object.Get("tcbLevels"));
  if (array->items().size() > kMaxLevels) {
    return Malformed(
        fmt::format("{} levels, wanted at most {}", array->items().size(), kMaxLevels));
  }
  std::vector<QeLevel> levels;
  for (const Json& item : array->items()) {
    ASSIGN_OR_RETURN(QeLevel level, ReadLevel(item));
    levels.push_back(std::move(level));
  }
  RETURN_IF_ERROR(SortLevels(levels));
  return levels;
}

template <std::size_t N>
Status MatchMasked(std::string_view what, ByteView found, const std::array<std::uint8_t, N>& mask,
                   const std::array<std::uint8_t, N>& wanted) {
  for (std::size_t i = 0; i < N; ++i) {
    if ((found[i] & mask[i]) != wanted[i]) {
      return Untrusted(fmt::format("QE report has {} {}, wanted {} under mask {}", what,
                                   HexEncode(found), HexEncode(wanted), HexEncode(mask)));
    }
  }
  return {};
}

}  // namespace

Result<QeIdentity> ReadQeIdentity(const Json& object) {
  ASSIGN_OR_RETURN(const std::uint64_t version, GetUnsigned(object, "version", UINT32_MAX));
  if (version != 2) return Unsupported(fmt::format("QE identity version {}, wanted 2", version));
  ASSIGN_OR_RETURN(const std::string_view id, object.GetString("id"));
  if (id != "QE")
    return Unsupported(fmt::format("enclave identity of \"{}\", wanted \"QE\"", id.substr(0, 16)));
  RETURN_IF_ERROR(ExpectOnly(
      object,
      {"id", "version", "issueDate", "nextUpdate", "tcbEvaluationDataNumber", "miscselect",
       "miscselectMask", "attributes", "attributesMask", "mrsigner", "isvprodid", "tcbLevels"}));
  QeIdentity out;
  ASSIGN_OR_RETURN(out.issue_date, GetTime(object, "issueDate"));
  ASSIGN_OR_RETURN(out.next_update, GetTime(object, "nextUpdate"));
  ASSIGN_OR_RETURN(const std::uint64_t number,
                   GetUnsigned(object, "tcbEvaluationDataNumber", UINT32_MAX));
  out.evaluation_number = static_cast<std::uint32_t>(number);
  RETURN_IF_ERROR(ReadArray(object, "miscselect", out.miscselect));
  RETURN_IF_ERROR(ReadArray(object, "miscselectMask", out.miscselect_mask));
  RETURN_IF_ERROR(ReadArray(object, "attributes", out.attributes));
  RETURN_IF_ERROR(ReadArray(object, "attributesMask", out.attributes_mask));
  ASSIGN_OR_RETURN(out.mrsigner, GetHex<MrSigner>(object, "mrsigner"));
  ASSIGN_OR_RETURN(const std::uint64_t isv_prod_id, GetUnsigned(object, "isvprodid", 65535));
  out.isv_prod_id = static_cast<std::uint16_t>(isv_prod_id);
  ASSIGN_OR_RETURN(out.levels, ReadLevels(object));
  return out;
}

Status MatchQeReport(const QeIdentity& identity, ByteView report) {
  Reader reader(report, "QE report");
  ASSIGN_OR_RETURN(const SgxReportBody body, ReadSgxReportBody(reader));
  RETURN_IF_ERROR(MatchMasked("MISCSELECT", report.subspan(16, 4), identity.miscselect_mask,
                              identity.miscselect));
  RETURN_IF_ERROR(MatchMasked("ATTRIBUTES", report.subspan(48, 16), identity.attributes_mask,
                              identity.attributes));
  if (body.mrsigner != identity.mrsigner) {
    return Untrusted(fmt::format("QE report has MRSIGNER {}, wanted {}",
                                 HexEncode(body.mrsigner.view()),
                                 HexEncode(identity.mrsigner.view())));
  }
  if (body.isv_prod_id != identity.isv_prod_id) {
    return Untrusted(fmt::format("QE report has product id {}, wanted {}", body.isv_prod_id,
                                 identity.isv_prod_id));
  }
  return {};
}

}  // namespace strongroom::attest::dcap
