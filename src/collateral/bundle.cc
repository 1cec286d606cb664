#include "collateral/bundle.h"

#include <algorithm>

#include <fmt/format.h>

#include "attest/dcap/signed_json.h"
#include "base/encoding.h"
#include "base/files.h"
#include "base/json.h"
#include "crypto/crl.h"

namespace strongroom::collateral {
namespace {

using attest::Endorsements;

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kMaxSets = 64;
constexpr std::size_t kMaxBundleBytes = 32UL << 20;
constexpr std::size_t kMaxPartBytes = 1UL << 20;
constexpr std::size_t kMaxNames = 65'536;  // in a folder of sets

Result<std::string> TextMember(const Json& set, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string_view text, set.GetString(name));
  return std::string(text);
}

Result<Bytes> BytesMember(const Json& set, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string_view text, set.GetString(name));
  return In(name, Base64Decode(text));
}

Result<Endorsements> SetFromJson(const Json& set) {
  Endorsements out;
  ASSIGN_OR_RETURN(out.root_ca_crl, BytesMember(set, "rootCaCrl"));
  ASSIGN_OR_RETURN(out.pck_crl, BytesMember(set, "pckCrl"));
  ASSIGN_OR_RETURN(out.pck_crl_issuer_chain, TextMember(set, "pckCrlIssuerChain"));
  ASSIGN_OR_RETURN(out.tcb_info, TextMember(set, "tcbInfo"));
  ASSIGN_OR_RETURN(out.tcb_info_issuer_chain, TextMember(set, "tcbInfoIssuerChain"));
  ASSIGN_OR_RETURN(out.qe_identity, TextMember(set, "qeIdentity"));
  ASSIGN_OR_RETURN(out.qe_identity_issuer_chain, TextMember(set, "qeIdentityIssuerChain"));
  if (set.Find("pckCertificateChain") != nullptr) {
    ASSIGN_OR_RETURN(out.pck_certificate_chain, TextMember(set, "pckCertificateChain"));
  }
  return out;
}

Result<Bytes> ReadList(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kMaxPartBytes));
  ASSIGN_OR_RETURN(const crypto::Crl crl, In(path.string(), crypto::Crl::FromAny(bytes)));
  return ToBytes(crl.der());
}

Result<Endorsements> SetFromFolder(const std::filesystem::path& folder) {
  const auto text = [&](const char* name) { return ReadTextFile(folder / name, kMaxPartBytes); };
  Endorsements out;
  ASSIGN_OR_RETURN(out.root_ca_crl, ReadList(folder / "root_ca_crl.der"));
  ASSIGN_OR_RETURN(out.pck_crl, ReadList(folder / "pck_crl.der"));
  ASSIGN_OR_RETURN(out.pck_crl_issuer_chain, text("pck_crl_issuer_chain.pem"));
  ASSIGN_OR_RETURN(out.tcb_info, text("tcb_info.json"));
  ASSIGN_OR_RETURN(out.qe_identity, text("qe_identity.json"));
  // One key signs both documents.
  ASSIGN_OR_RETURN(out.tcb_info_issuer_chain, text("tcb_signing_chain.pem"));
  out.qe_identity_issuer_chain = out.tcb_info_issuer_chain;
  ASSIGN_OR_RETURN(const bool has_chain, Exists(folder / "pck_certificate_chain.pem"));
  if (has_chain) {
    ASSIGN_OR_RETURN(out.pck_certificate_chain, text("pck_certificate_chain.pem"));
  }
  return out;
}

Result<std::vector<Endorsements>> SetsFromFolder(const std::filesystem::path& path) {
  std::vector<Endorsements> sets;
  ASSIGN_OR_RETURN(const bool is_set, Exists(path / "tcb_info.json"));
  if (is_set) {
    ASSIGN_OR_RETURN(Endorsements set, SetFromFolder(path));
    sets.push_back(std::move(set));
    return sets;
  }
  ASSIGN_OR_RETURN(const std::vector<std::filesystem::path> entries, ListFolder(path, kMaxNames));
  for (const std::filesystem::path& entry : entries) {
    ASSIGN_OR_RETURN(const bool holds_set, Exists(entry / "tcb_info.json"));
    if (!holds_set) continue;
    if (sets.size() == kMaxSets)
      return Exhausted(fmt::format("{} has more than {} sets", path.string(), kMaxSets));
    ASSIGN_OR_RETURN(Endorsements set, In(entry.string(), SetFromFolder(entry)));
    sets.push_back(std::move(set));
  }
  if (sets.empty())
    return NotFound(fmt::format("{} has no tcb_info.json, nor has a folder in it", path.string()));
  return sets;
}

// Which family a set is for, by what it says itself: enough to choose, verified later.
Result<bool> IsFor(const Endorsements& set, const attest::EndorsementSubject& subject) {
  ASSIGN_OR_RETURN(const auto document, attest::dcap::SignedJson::Parse(set.tcb_info, "tcbInfo"));
  ASSIGN_OR_RETURN(const std::string_view hex, document.body().GetString("fmspc"));
  ASSIGN_OR_RETURN(const Bytes fmspc, HexDecode(hex));
  if (!Equal(fmspc, subject.fmspc.view())) return false;
  ASSIGN_OR_RETURN(const crypto::Crl crl, crypto::Crl::FromDer(set.pck_crl));
  const bool platform_ca = crl.fields().issuer.common_name.contains("Platform");
  return platform_ca == subject.platform_ca;
}

}  // namespace

Result<std::unique_ptr<Bundle>> Bundle::FromJson(std::string_view text) {
  const JsonLimits limits = {.max_bytes = kMaxBundleBytes, .max_depth = 8, .max_values = 4096};
  ASSIGN_OR_RETURN(const JsonDocument document,
                   In("endorsements bundle", JsonDocument::Parse(text, limits)));
  ASSIGN_OR_RETURN(const std::int64_t version, document.root().GetInt("version"));
  if (version != kVersion) {
    return Unsupported(
        fmt::format("endorsements bundle of version {}, wanted {}", version, kVersion));
  }
  ASSIGN_OR_RETURN(const Json* array, document.root().Get("endorsements"));
  if (!array->IsArray() || array->items().empty() || array->items().size() > kMaxSets) {
    return Malformed(fmt::format("endorsements bundle has {} sets, wanted 1 to {}",
                                 array->items().size(), kMaxSets));
  }
  std::vector<Endorsements> sets;
  for (const Json& item : array->items()) {
    ASSIGN_OR_RETURN(Endorsements set, In("endorsements bundle", SetFromJson(item)));
    sets.push_back(std::move(set));
  }
  return std::unique_ptr<Bundle>(new Bundle(std::move(sets)));
}

Result<std::unique_ptr<Bundle>> Bundle::Read(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const bool is_folder, IsFolder(path));
  if (!is_folder) {
    ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, kMaxBundleBytes));
    return In(path.string(), FromJson(text));
  }
  ASSIGN_OR_RETURN(std::vector<Endorsements> sets, SetsFromFolder(path));
  return std::unique_ptr<Bundle>(new Bundle(std::move(sets)));
}

Result<Endorsements> Bundle::Fetch(const attest::EndorsementSubject& subject) {
  for (const Endorsements& set : sets_) {
    ASSIGN_OR_RETURN(const bool fits, In("endorsements bundle", IsFor(set, subject)));
    if (fits) return set;
  }
  return NotFound(fmt::format("the bundle has {} sets, none for FMSPC {} of the {} CA",
                              sets_.size(), HexEncode(subject.fmspc.view()),
                              subject.platform_ca ? "Platform" : "Processor"));
}

std::string WriteBundle(const std::vector<Endorsements>& sets) {
  JsonWriter w;
  w.Object().Key("version").Int(kVersion).Key("endorsements").Array();
  for (const Endorsements& set : sets) {
    w.Object()
        .Key("rootCaCrl")
        .String(Base64Encode(set.root_ca_crl))
        .Key("pckCrl")
        .String(Base64Encode(set.pck_crl));
    w.Key("pckCrlIssuerChain").String(set.pck_crl_issuer_chain);
    w.Key("tcbInfo")
        .String(set.tcb_info)
        .Key("tcbInfoIssuerChain")
        .String(set.tcb_info_issuer_chain);
    w.Key("qeIdentity")
        .String(set.qe_identity)
        .Key("qeIdentityIssuerChain")
        .String(set.qe_identity_issuer_chain);
    if (!set.pck_certificate_chain.empty())
      w.Key("pckCertificateChain").String(set.pck_certificate_chain);
    w.End();
  }
  w.End().End();
  return std::move(w).Finish();
}

}  // namespace strongroom::collateral
