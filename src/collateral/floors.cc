#include "collateral/floors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/json.h"

namespace strongroom::collateral {
namespace {

constexpr std::size_t kMaxSubjects = 4096;

// A root as names of subjects begin with it: hexadecimal digits.
constexpr std::size_t kRootDigits = 2 * attest::Anchor::kSize;

std::string_view RootOf(std::string_view name) { return name.substr(0, kRootDigits); }
std::string_view WithoutRoot(std::string_view name) { return name.substr(kRootDigits + 1); }

void RaiseTo(UnixSeconds issued, std::string_view root,
             std::map<std::string, UnixSeconds, std::less<>>& newest) {
  UnixSeconds& floor = newest.emplace(root, issued).first->second;
  floor = std::max(floor, issued);
}

using Entry = std::pair<std::string, Floors::Subject>;

std::array<Entry, 4> EntriesOf(const attest::PreparedEndorsements& e) {
  const std::string root = HexEncode(e.anchor().view());
  return {{
      {fmt::format("{}/tcb-info/{}", root, HexEncode(e.fmspc().view())),
       {e.tcb_info_issued(), e.tcb_info_evaluation_number()}},
      {fmt::format("{}/qe-identity", root),
       {e.qe_identity_issued(), e.qe_identity_evaluation_number()}},
      {fmt::format("{}/pck-crl/{}", root, e.platform_ca() ? "platform" : "processor"),
       {e.pck_crl_issued(), 0}},
      {fmt::format("{}/root-crl", root), {e.root_ca_crl_issued(), 0}},
  }};
}

}  // namespace

Status Floors::CheckClock(const attest::Anchor& root, UnixSeconds now) const {
  const auto newest = newest_.find(HexEncode(root.view()));
  if (newest == newest_.end() || now >= newest->second) return {};
  return Untrusted(
      fmt::format("the clock says {}, wanted at least {}, when collateral seen before was issued: "
                  "it was turned back",
                  FormatRfc3339(now), FormatRfc3339(newest->second)));
}

Status Floors::Check(const attest::PreparedEndorsements& endorsements, UnixSeconds now) const {
  RETURN_IF_ERROR(CheckClock(endorsements.anchor(), now));
  for (const auto& [name, found] : EntriesOf(endorsements)) {
    const auto it = subjects_.find(name);
    if (it == subjects_.end()) continue;
    if (found.issued < it->second.issued) {
      return Untrusted(fmt::format("{} issued {}, wanted at least {} as seen before",
                                   WithoutRoot(name), FormatRfc3339(found.issued),
                                   FormatRfc3339(it->second.issued)));
    }
    if (found.evaluation_number < it->second.evaluation_number) {
      return Untrusted(fmt::format("{} of evaluation number {}, wanted at least {} as seen before",
                                   WithoutRoot(name), found.evaluation_number,
                                   it->second.evaluation_number));
    }
  }
  return {};
}

void Floors::Raise(const attest::PreparedEndorsements& endorsements) {
  for (const auto& [name, found] : EntriesOf(endorsements)) {
    RaiseTo(found.issued, RootOf(name), newest_);
    if (subjects_.size() >= kMaxSubjects && !subjects_.contains(name)) continue;
    Subject& floor = subjects_[name];
    floor.issued = std::max(floor.issued, found.issued);
    floor.evaluation_number = std::max(floor.evaluation_number, found.evaluation_number);
  }
}

std::string Floors::Serialize() const {
  JsonWriter w;
  w.Object();
  for (const auto& [name, floor] : subjects_) {
    w.Key(name).Object().Key("issued").Int(ToInt(floor.issued));
    w.Key("evaluationNumber").Unsigned(floor.evaluation_number).End();
  }
  w.End();
  return std::move(w).Finish();
}

Result<Floors> Floors::Parse(std::string_view text) {
  ASSIGN_OR_RETURN(const JsonDocument document,
                   JsonDocument::Parse(text, {.max_bytes = 1UL << 20}));
  if (!document.root().IsObject()) return Malformed("floors are no JSON object");
  if (document.root().members().size() > kMaxSubjects)
    return Exhausted("floors of more than 4096 subjects");
  Floors out;
  for (const auto& [name, member] : document.root().members()) {
    if (name.size() < kRootDigits + 2 || name[kRootDigits] != '/')
      return Malformed(fmt::format("floor of \"{}\", wanted <root>/<subject>", name));
    Subject subject;
    ASSIGN_OR_RETURN(const std::int64_t issued, member.GetInt("issued"));
    subject.issued = UnixSeconds{issued};
    ASSIGN_OR_RETURN(const std::int64_t number, member.GetInt("evaluationNumber"));
    if (number < 0 || number > std::numeric_limits<std::uint32_t>::max()) {
      return Malformed(fmt::format("evaluation number {}, wanted 32 bits", number));
    }
    subject.evaluation_number = static_cast<std::uint32_t>(number);
    out.subjects_[name] = subject;
    RaiseTo(subject.issued, RootOf(name), out.newest_);
  }
  return out;
}

}  // namespace strongroom::collateral
