#include "cli/identity.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace strongroom::cli {
namespace {

// An identity as text, from a file and from flags (which win).
struct Written {
  std::optional<std::string> mrenclave, mrsigner, product_id, min_svn;
  std::vector<std::string> anchors, statuses, advisories;
  bool debug = false;
};

// A string, or an integer as its decimal text.
Result<std::optional<std::string>> TextMember(const Json& object, std::string_view name) {
  const Json* value = object.Find(name);
  if (value == nullptr || value->IsNull()) return std::nullopt;
  if (value->IsString()) {
    ASSIGN_OR_RETURN(const std::string_view text, value->String());
    return std::string(text);
  }
  ASSIGN_OR_RETURN(const std::uint64_t number, value->Unsigned());
  return fmt::format("{}", number);
}

Status AppendStrings(const Json& object, std::string_view name, std::vector<std::string>& out) {
  const Json* value = object.Find(name);
  if (value == nullptr || value->IsNull()) return {};
  if (!value->IsArray()) return Malformed(fmt::format("{} is no array, wanted one", name));
  for (const Json& item : value->items()) {
    ASSIGN_OR_RETURN(const std::string_view text, item.String());
    out.emplace_back(text);
  }
  return {};
}

Status ReadIdentityFile(const std::string& path, Written& out) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, 64 * 1024));
  ASSIGN_OR_RETURN(const JsonDocument document, In(path, JsonDocument::Parse(text)));
  const Json& root = document.root();
  if (!root.IsObject()) return Malformed(path + " is no JSON object, wanted an identity");
  for (const auto& [name, value] : root.members()) {
    static const std::set<std::string, std::less<>> known = {
        "UniqueID",     "SignerID",    "ProductID",           "SecurityVersion",   "Debug",
        "TrustAnchors", "TrustAnchor", "AcceptedTCBStatuses", "AcceptedAdvisories"};
    if (!known.contains(name)) {
      return Malformed(fmt::format("{}: member \"{}\" is not known in an identity", path, name));
    }
  }
  ASSIGN_OR_RETURN(out.mrenclave, In(path, TextMember(root, "UniqueID")));
  ASSIGN_OR_RETURN(out.mrsigner, In(path, TextMember(root, "SignerID")));
  ASSIGN_OR_RETURN(out.product_id, In(path, TextMember(root, "ProductID")));
  ASSIGN_OR_RETURN(out.min_svn, In(path, TextMember(root, "SecurityVersion")));
  ASSIGN_OR_RETURN(const std::optional<std::string> anchor,
                   In(path, TextMember(root, "TrustAnchor")));
  if (anchor.has_value()) out.anchors.push_back(*anchor);
  RETURN_IF_ERROR(In(path, AppendStrings(root, "TrustAnchors", out.anchors)));
  RETURN_IF_ERROR(In(path, AppendStrings(root, "AcceptedTCBStatuses", out.statuses)));
  RETURN_IF_ERROR(In(path, AppendStrings(root, "AcceptedAdvisories", out.advisories)));
  if (const Json* debug = root.Find("Debug"); debug != nullptr && !debug->IsNull()) {
    ASSIGN_OR_RETURN(out.debug, In(path, debug->Bool()));
  }
  return {};
}

// MarbleRun's CLI takes lists with commas.
void AppendList(const std::vector<std::string>& typed, std::vector<std::string>& out) {
  for (const std::string& text : typed) {
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      out.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
}

template <class Fixed>
Result<Fixed> FixedFromHex(std::string_view hex, std::string_view what) {
  ASSIGN_OR_RETURN(const Bytes bytes, In(what, HexDecode(hex)));
  return In(what, Fixed::From(bytes));
}

Result<std::uint16_t> Number16(std::string_view text, std::string_view what) {
  const auto value = ParseDecimal<std::uint16_t>(text);
  if (!value) return Malformed(fmt::format("{} is \"{}\", wanted 0 to 65535", what, text));
  return *value;
}

Result<ExpectedIdentity> Build(const Written& written) {
  ExpectedIdentity out;
  out.anchors = attest::TrustAnchors::Intel();
  attest::AcceptancePolicy& policy = out.policy;
  if (written.mrenclave) {
    ASSIGN_OR_RETURN(policy.mrenclave,
                     FixedFromHex<attest::MrEnclave>(*written.mrenclave, "mrenclave"));
  }
  // A file that names both means this build of this signer; the build is the stricter of the two.
  if (written.mrsigner) {
    ASSIGN_OR_RETURN(policy.mrsigner,
                     FixedFromHex<attest::MrSigner>(*written.mrsigner, "mrsigner"));
  }
  if (written.product_id) {
    ASSIGN_OR_RETURN(policy.isv_prod_id, Number16(*written.product_id, "product id"));
  }
  if (written.min_svn) {
    ASSIGN_OR_RETURN(policy.min_isv_svn, Number16(*written.min_svn, "security version"));
  }
  policy.insecure_accept_debug_enclaves = written.debug;
  std::optional<std::set<std::string>> advisories;
  if (!written.advisories.empty())
    advisories.emplace(written.advisories.begin(), written.advisories.end());
  for (const std::string& name : written.statuses) {
    ASSIGN_OR_RETURN(const attest::TcbStatus status, attest::ParseTcbStatus(name));
    if (status != attest::TcbStatus::kUpToDate) policy.accepted_statuses[status] = advisories;
  }
  const auto has_advisories = [](const auto& accepted) {
    return accepted.first != attest::TcbStatus::kUpToDate;
  };
  if (advisories && std::ranges::none_of(policy.accepted_statuses, has_advisories)) {
    return Malformed(
        "advisories are accepted of no status, wanted one beside UpToDate, which has none");
  }
  for (const std::string& hex : written.anchors) {
    ASSIGN_OR_RETURN(const attest::Anchor anchor, In("trust anchor", attest::ParseAnchor(hex)));
    out.anchors.Add(anchor);
  }
  RETURN_IF_ERROR(attest::CheckPolicy(policy));
  return out;
}

}  // namespace

std::vector<Flag> IdentityFlags() {
  return {
      {.name = "--identity,--era-config",
       .value = "FILE",
       .help =
           "expected enclave as JSON: UniqueID, or SignerID with ProductID and SecurityVersion; "
           "TrustAnchors, AcceptedTCBStatuses, AcceptedAdvisories"},
      {.name = "--mrenclave", .value = "HEX", .help = "expected measurement"},
      {.name = "--mrsigner",
       .value = "HEX",
       .help = "expected signer, with --product-id and --min-svn"},
      {.name = "--product-id", .value = "N", .help = "expected product id"},
      {.name = "--min-svn", .value = "N", .help = "smallest accepted security version"},
      {.name = "--accepted-tcb-status,--accepted-tcb-statuses",
       .value = "STATUS,...",
       .help = "accept these TCB statuses besides UpToDate",
       .repeated = true},
      {.name = "--accepted-advisories",
       .value = "ID,...",
       .help = "of platforms that are not UpToDate, accept those alone to which no other advisory "
               "applies",
       .repeated = true},
      {.name = "--trust-anchor",
       .value = "SHA256",
       .help = "trust this root besides Intel's: SHA-256 of its public key (SPKI)",
       .repeated = true},
      {.name = "--insecure-debug-enclave", .help = "accept a debug enclave: its host can read it"},
      {.name = "--pccs-url",
       .value = "URL",
       .help = "where to fetch collateral (default: STRONGROOM_PCCS_URL, else Intel's service)"},
      {.name = "--collateral", .value = "FILE", .help = "take collateral from a bundle instead"},
  };
}

Result<std::optional<ExpectedIdentity>> IdentityFrom(const Arguments& arguments) {
  Written written;
  if (const auto file = arguments.Optional("identity")) {
    RETURN_IF_ERROR(ReadIdentityFile(*file, written));
  }
  if (const auto value = arguments.Optional("mrenclave")) written.mrenclave = value;
  if (const auto value = arguments.Optional("mrsigner")) written.mrsigner = value;
  if (const auto value = arguments.Optional("product-id")) written.product_id = value;
  if (const auto value = arguments.Optional("min-svn")) written.min_svn = value;
  if (arguments.Has("insecure-debug-enclave")) written.debug = true;
  for (std::string& value : arguments.All("trust-anchor"))
    written.anchors.push_back(std::move(value));
  AppendList(arguments.All("accepted-tcb-status"), written.statuses);
  AppendList(arguments.All("accepted-advisories"), written.advisories);
  if (!written.mrenclave && !written.mrsigner) {
    if (arguments.Has("identity") || written.product_id || written.min_svn) {
      return WrongUsage(
          "no enclave is named, wanted an mrenclave, or an mrsigner with product id and minimum "
          "SVN");
    }
    return std::nullopt;
  }
  auto identity = Build(written);
  // Without a file all of it was typed.
  if (!identity.has_value() && !arguments.Has("identity"))
    return WrongUsage(identity.error().message());
  if (!identity.has_value()) return std::unexpected(identity.error());
  return *std::move(identity);
}

}  // namespace strongroom::cli
