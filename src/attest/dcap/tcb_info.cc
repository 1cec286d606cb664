#include "attest/dcap/tcb_info.h"

#include <fmt/format.h>

#include "attest/dcap/json_fields.h"

namespace strongroom::attest::dcap {
namespace {

constexpr std::size_t kMaxLevels = 1024;

// Version 2: sgxtcbcomp01svn … sgxtcbcomp16svn beside pcesvn.
Result<SgxTcb> ReadNamedComponents(const Json& tcb) {
  SgxTcb out;
  if (tcb.members().size() != out.components.size() + 1) {
    return Malformed(fmt::format("{} has {} members, wanted 16 components and pcesvn", tcb.path(),
                                 tcb.members().size()));
  }
  for (std::size_t i = 0; i < out.components.size(); ++i) {
    ASSIGN_OR_RETURN(const std::uint64_t svn,
                     GetUnsigned(tcb, fmt::format("sgxtcbcomp{:02}svn", i + 1), 255));
    out.components[i] = static_cast<std::uint8_t>(svn);
  }
  return out;
}

// Version 3: an array of sixteen.
Result<SgxTcb> ReadComponentArray(const Json& tcb) {
  RETURN_IF_ERROR(ExpectOnly(tcb, {"sgxtcbcomponents", "pcesvn"}));
  ASSIGN_OR_RETURN(const Json* array, tcb.Get("sgxtcbcomponents"));
  SgxTcb out;
  if (array->items().size() != out.components.size()) {
    return Malformed(
        fmt::format("{} has {} components, wanted 16", array->path(), array->items().size()));
  }
  for (std::size_t i = 0; i < out.components.size(); ++i) {
    const Json& component = array->items()[i];
    RETURN_IF_ERROR(ExpectOnly(component, {"svn", "category", "type"}));
    ASSIGN_OR_RETURN(const std::uint64_t svn, GetUnsigned(component, "svn", 255));
    out.components[i] = static_cast<std::uint8_t>(svn);
  }
  return out;
}

Result<PlatformLevel> ReadLevel(const Json& level, std::uint32_t version) {
  RETURN_IF_ERROR(ExpectOnly(level, {"tcb", "tcbDate", "tcbStatus", "advisoryIDs"}));
  ASSIGN_OR_RETURN(const Json* tcb, level.Get("tcb"));
  PlatformLevel out;
  ASSIGN_OR_RETURN(out.tcb, version == 2 ? ReadNamedComponents(*tcb) : ReadComponentArray(*tcb));
  ASSIGN_OR_RETURN(const std::uint64_t pce_svn, GetUnsigned(*tcb, "pcesvn", 65535));
  out.tcb.pce_svn = static_cast<std::uint16_t>(pce_svn);
  ASSIGN_OR_RETURN(out.verdict, ReadVerdict(level));
  return out;
}

Result<std::vector<PlatformLevel>> ReadLevels(const Json& object, std::uint32_t version) {
  ASSIGN_OR_RETURN(const Json* array, object.Get("tcbLevels"));
  if (array->items().size() > kMaxLevels) {
    return Malformed(
        fmt::format("{} levels, wanted at most {}", array->items().size(), kMaxLevels));
  }
  std::vector<PlatformLevel> levels;
  levels.reserve(array->items().size());
  for (const Json& item : array->items()) {
    ASSIGN_OR_RETURN(PlatformLevel level, ReadLevel(item, version));
    levels.push_back(std::move(level));
  }
  RETURN_IF_ERROR(SortLevels(levels));
  return levels;
}

// A document for TDX carries tdxModule and components of its own; those names are unknown here and
// end as malformed, but its id says it more clearly.
Status ExpectSgx(const Json& object, std::uint32_t version) {
  if (version == 2) {
    return ExpectOnly(object, {"version", "issueDate", "nextUpdate", "fmspc", "pceId", "tcbType",
                               "tcbEvaluationDataNumber", "tcbLevels"});
  }
  ASSIGN_OR_RETURN(const std::string_view id, object.GetString("id"));
  if (id != "SGX")
    return Unsupported(fmt::format("TCB info is for {}, wanted SGX", id.substr(0, 16)));
  return ExpectOnly(object, {"id", "version", "issueDate", "nextUpdate", "fmspc", "pceId",
                             "tcbType", "tcbEvaluationDataNumber", "tcbLevels"});
}

}  // namespace

Result<TcbInfo> ReadTcbInfo(const Json& object) {
  TcbInfo info;
  ASSIGN_OR_RETURN(const std::uint64_t version, GetUnsigned(object, "version", UINT32_MAX));
  if (version != 2 && version != 3)
    return Unsupported(fmt::format("TCB info version {}, wanted 2 or 3", version));
  info.version = static_cast<std::uint32_t>(version);
  RETURN_IF_ERROR(ExpectSgx(object, info.version));
  ASSIGN_OR_RETURN(info.issue_date, GetTime(object, "issueDate"));
  ASSIGN_OR_RETURN(info.next_update, GetTime(object, "nextUpdate"));
  ASSIGN_OR_RETURN(info.fmspc, GetHex<Fmspc>(object, "fmspc"));
  ASSIGN_OR_RETURN(info.pce_id, GetHex<PceId>(object, "pceId"));
  ASSIGN_OR_RETURN(const std::uint64_t type, GetUnsigned(object, "tcbType", UINT32_MAX));
  if (type != 0) return Unsupported(fmt::format("TCB info of tcbType {}, wanted 0", type));
  ASSIGN_OR_RETURN(const std::uint64_t number,
                   GetUnsigned(object, "tcbEvaluationDataNumber", UINT32_MAX));
  info.evaluation_number = static_cast<std::uint32_t>(number);
  ASSIGN_OR_RETURN(info.levels, ReadLevels(object, info.version));
  return info;
}

}  // namespace strongroom::attest::dcap
