#include <fmt/format.h>

#include "attest/quote.h"
#include "attest/verifier.h"
#include "base/encoding.h"
#include "base/files.h"
#include "cli/commands.h"
#include "cli/endorsements.h"
#include "cli/identity.h"
#include "ratls/activation_binding.h"

namespace strongroom::cli {
namespace {

void PrintFindings(const std::vector<attest::Finding>& findings, Console& console) {
  for (const attest::Finding& finding : findings) {
    console.Line(fmt::format("{}: {} [{}]", attest::SeverityName(finding.severity), finding.message,
                             finding.id));
  }
}

void WriteFindings(const std::vector<attest::Finding>& findings, JsonWriter& out) {
  out.Key("findings").Array();
  for (const attest::Finding& finding : findings) {
    out.Object().Key("id").String(finding.id);
    out.Key("severity").String(attest::SeverityName(finding.severity));
    out.Key("message").String(finding.message).End();
  }
  out.End();
}

Result<Exit> Show(const Arguments& arguments, Console& console) {
  const std::string& file = arguments.One("FILE");
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(file, attest::kMaxQuoteBytes));
  ASSIGN_OR_RETURN(const ByteView bare, In(file, ratls::UnwrapIfOpenEnclave(bytes)));
  ASSIGN_OR_RETURN(const attest::Quote quote, In(file, attest::ParseQuote(bare)));
  const attest::SgxReportBody& body = quote.body;
  console.Line(fmt::format("SGX quote, version {}, {} bytes; nothing of it is verified",
                           quote.version, quote.size));
  console.Line("  mrenclave    " + HexEncode(body.mrenclave.view()));
  console.Line("  mrsigner     " + HexEncode(body.mrsigner.view()));
  console.Line(fmt::format("  product      {}, security version {}{}", body.isv_prod_id,
                           body.isv_svn, body.debug() ? ", DEBUG" : ""));
  console.Line("  report data  " + HexEncode(body.report_data.view()));
  console.Line("  cpu svn      " + HexEncode(body.cpu_svn.view()));
  console.Line(fmt::format("  certification data type {}, {} bytes",
                           static_cast<unsigned>(quote.certification_type),
                           quote.certification_data.size()));
  JsonWriter out;
  out.Object().Key("version").Unsigned(quote.version);
  out.Key("mrenclave").String(HexEncode(body.mrenclave.view()));
  out.Key("mrsigner").String(HexEncode(body.mrsigner.view()));
  out.Key("productId").Unsigned(body.isv_prod_id).Key("securityVersion").Unsigned(body.isv_svn);
  out.Key("debug").Bool(body.debug());
  out.Key("reportData").String(HexEncode(body.report_data.view()));
  out.Key("cpuSvn").String(HexEncode(body.cpu_svn.view()));
  out.Key("certificationDataType").Unsigned(static_cast<unsigned>(quote.certification_type)).End();
  console.Json(out);
  return Exit::kDone;
}

// The identity to hold evidence against; any enclave only when that is asked for by name.
Result<ExpectedIdentity> WantedIdentity(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::optional<ExpectedIdentity> named, IdentityFrom(arguments));
  if (named.has_value()) return *named;
  if (!arguments.Has("insecure-any-enclave")) {
    return WrongUsage(
        "no expected enclave: give --identity FILE, --mrenclave or --mrsigner, or "
        "--insecure-any-enclave to look at the platform only");
  }
  ExpectedIdentity any{.policy = {}, .anchors = attest::TrustAnchors::Intel()};
  any.policy.insecure_accept_any_enclave = true;
  for (const std::string& hex : arguments.All("trust-anchor")) {
    ASSIGN_OR_RETURN(const attest::Anchor anchor, In("trust anchor", attest::ParseAnchor(hex)));
    any.anchors.Add(anchor);
  }
  for (const std::string& name : arguments.All("accepted-tcb-status")) {
    ASSIGN_OR_RETURN(const attest::TcbStatus status, attest::ParseTcbStatus(name));
    any.policy.accepted_statuses[status] = std::nullopt;
  }
  return any;
}

Result<UnixSeconds> VerificationTime(const Arguments& arguments) {
  const auto text = arguments.Optional("time");
  if (!text) return SystemClock().Now();
  return In("--time", ParseRfc3339(*text));
}

Result<Exit> Verify(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(const ExpectedIdentity identity, WantedIdentity(arguments));
  const std::string& file = arguments.One("FILE");
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(file, attest::kMaxQuoteBytes));
  ASSIGN_OR_RETURN(const ByteView quote, In(file, ratls::UnwrapIfOpenEnclave(bytes)));
  ASSIGN_OR_RETURN(const UnixSeconds now, VerificationTime(arguments));
  ASSIGN_OR_RETURN(const attest::Endorsements endorsements, EndorsementsFor(quote, arguments));
  attest::Appraisal appraisal = attest::VerifySgxEvidence(
      quote, endorsements, identity.anchors, now,
      {.insecure_accept_debug_enclaves = identity.policy.insecure_accept_debug_enclaves});
  if (appraisal.claims.has_value()) {
    for (attest::Finding& finding : attest::Appraise(*appraisal.claims, identity.policy)) {
      appraisal.findings.push_back(std::move(finding));
    }
  }
  bool accepted = appraisal.claims.has_value();
  for (const attest::Finding& finding : appraisal.findings) {
    accepted = accepted && finding.severity != attest::Severity::kError;
  }
  PrintFindings(appraisal.findings, console);
  console.Line(accepted ? "accepted" : "refused");
  JsonWriter out;
  out.Object().Key("accepted").Bool(accepted);
  if (appraisal.claims.has_value()) {
    out.Key("tcbStatus").String(attest::TcbStatusName(appraisal.claims->tcb().status));
    out.Key("mrenclave").String(HexEncode(appraisal.claims->mrenclave().view()));
    out.Key("mrsigner").String(HexEncode(appraisal.claims->mrsigner().view()));
  }
  WriteFindings(appraisal.findings, out);
  out.End();
  console.Json(out);
  return accepted ? Exit::kDone : Exit::kRefused;
}

}  // namespace

std::vector<Command> EvidenceCommands() {
  std::vector<Flag> flags = IdentityFlags();
  flags.push_back({.name = "--time",
                   .value = "TIME",
                   .help = "verify as of this time (2026-01-31T12:00:00Z; default now)"});
  flags.push_back({.name = "--insecure-any-enclave",
                   .help = "say what the platform is worth, whatever runs on it"});
  return {
      {.path = {"evidence", "show"},
       .summary = "print what a quote says, without believing it",
       .positionals = {{.name = "FILE",
                        .help = "an SGX quote (binary, with or without Open Enclave's header)"}},
       .run = Show},
      {.path = {"evidence", "verify"},
       .summary = "verify a quote and hold it against an expected enclave",
       .details = "Every finding is printed with its stable id. Exit status 3 when the "
                  "evidence is refused.",
       .positionals = {{.name = "FILE",
                        .help = "an SGX quote (binary, with or without Open Enclave's header)"}},
       .flags = flags,
       .examples =
           {"strongroom evidence verify quote.bin --mrenclave 6af3… --collateral bundle.json"},
       .run = Verify}};
}

}  // namespace strongroom::cli
