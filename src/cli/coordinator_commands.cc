#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "cli/commands.h"
#include "cli/coordinator_client.h"
#include "cli/manifest_reference.h"

namespace strongroom::cli {
namespace {

void PrintClaims(const Proof& proof, Console& console) {
  const attest::VerifiedClaims& claims = proof.claims;
  std::string advisories;
  for (const std::string& id : claims.tcb().advisory_ids)
    advisories += (advisories.empty() ? "" : ", ") + id;
  console.Line(fmt::format("  mrenclave    {}", HexEncode(claims.mrenclave().view())));
  console.Line(fmt::format("  mrsigner     {}", HexEncode(claims.mrsigner().view())));
  console.Line(fmt::format("  product      {}, security version {}{}", claims.isv_prod_id(),
                           claims.isv_svn(),
                           claims.debug() ? ", DEBUG: its host can read it" : ""));
  console.Line(fmt::format("  platform     {}{}{}", attest::TcbStatusName(claims.tcb().status),
                           advisories.empty() ? "" : " ", advisories));
  console.Line(fmt::format("  trust anchor {}{}", HexEncode(claims.anchor().view()),
                           claims.anchor() == attest::TrustAnchors::IntelRoot()
                               ? " (Intel SGX root)"
                               : " (not Intel's: named by you)"));
}

void WriteClaims(const Proof& proof, JsonWriter& out) {
  const attest::VerifiedClaims& claims = proof.claims;
  out.Key("mrenclave").String(HexEncode(claims.mrenclave().view()));
  out.Key("mrsigner").String(HexEncode(claims.mrsigner().view()));
  out.Key("productId").Unsigned(claims.isv_prod_id());
  out.Key("securityVersion").Unsigned(claims.isv_svn());
  out.Key("debug").Bool(claims.debug());
  out.Key("tcbStatus").String(attest::TcbStatusName(claims.tcb().status));
  out.Key("advisories").Array();
  for (const std::string& id : claims.tcb().advisory_ids) out.String(id);
  out.End().Key("trustAnchor").String(HexEncode(claims.anchor().view()));
}

Result<Exit> Verify(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(const std::optional<ExpectedIdentity> identity, IdentityFrom(arguments));
  if (!identity.has_value()) {
    return WrongUsage(
        "no expected enclave: give --identity FILE, --mrenclave, or --mrsigner with --product-id "
        "and --min-svn");
  }
  std::optional<std::string> wanted;
  if (const auto reference = arguments.Optional("manifest")) {
    ASSIGN_OR_RETURN(wanted, FingerprintOf(*reference));
  }
  ASSIGN_OR_RETURN(const CoordinatorTarget target, TargetOf(arguments));
  ASSIGN_OR_RETURN(const Proof proof, ProveCoordinator(target, *identity, arguments));
  std::string fingerprint;
  CoordinatorClient client = CoordinatorClient::Pinned(target, proof.root);
  if (wanted.has_value()) {
    ASSIGN_OR_RETURN(const HeldManifest held, client.GetManifest());
    RETURN_IF_ERROR(ExpectFingerprint(target.name, held.fingerprint, *wanted));
    fingerprint = held.fingerprint;
  }
  RETURN_IF_ERROR(SavePin(target.name, proof, fingerprint));
  console.Line(target.name + " is the coordinator you expect:");
  PrintClaims(proof, console);
  console.Line(fingerprint.empty()
                   ? "  manifest     not verified (give --manifest FILE or its SHA-256)"
                   : "  manifest     " + fingerprint);
  JsonWriter out;
  out.Object().Key("address").String(target.name);
  WriteClaims(proof, out);
  out.Key("manifest").String(fingerprint).Key("root").String(proof.root.Pem()).End();
  console.Json(out);
  return Exit::kDone;
}

Result<Exit> ShowStatus(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(CoordinatorClient client, OpenVerified(arguments));
  ASSIGN_OR_RETURN(const JsonDocument data, client.Get("/api/v2/status"));
  ASSIGN_OR_RETURN(const std::int64_t code, data.root().GetInt("code"));
  ASSIGN_OR_RETURN(const std::string_view message, data.root().GetString("message"));
  console.Line(fmt::format("{}: {}", code, message));
  console.Json(JsonWriter().Raw(data.root().raw()));
  return Exit::kDone;
}

enum class Part { kRoot, kIntermediate, kChain };

// The root is the pinned one; the intermediate is asked for anew, because it changes with the
// manifest.
Result<Exit> ShowCertificate(Part part, const std::string& default_file, const Arguments& arguments,
                             Console& console) {
  ASSIGN_OR_RETURN(CoordinatorClient client, OpenVerified(arguments));
  ASSIGN_OR_RETURN(const JsonDocument data, client.Get("/api/v2/quote"));
  ASSIGN_OR_RETURN(const std::string_view pem, data.root().GetString("cert"));
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain,
                   crypto::Certificate::ChainFromPem(pem, 2));
  if (!(chain.back() == client.root())) {
    return Untrusted(client.name() + " names another root than the verified one");
  }
  if (part != Part::kRoot && chain.size() < 2) {
    return Precondition(client.name() +
                        " has no intermediate certificate before a manifest is set");
  }
  std::string text = chain.back().Pem();
  if (part == Part::kIntermediate) text = chain.front().Pem();
  if (part == Part::kChain) text = crypto::ChainToPem(chain);
  const std::string file = arguments.Or("output", default_file);
  if (file == "-") {
    console.Bytes(text);
    console.Json(JsonWriter().Object().Key("pem").String(text).End());
    return Exit::kDone;
  }
  RETURN_IF_ERROR(WriteFileAtomic(file, AsBytes(text), 0644));
  console.Line("wrote " + file);
  console.Json(JsonWriter().Object().Key("file").String(file).Key("pem").String(text).End());
  return Exit::kDone;
}

Command CertificateCommand(std::string name, Part part, const std::string& file,
                           std::string summary) {
  return {
      .path = {"certificate", std::move(name)},
      .summary = std::move(summary),
      .positionals = {CoordinatorPositional()},
      .flags = With({{.name = "--output,-o",
                      .value = "FILE",
                      .help = "where to write it, - for standard output (default " + file + ")"}},
                    CoordinatorFlags()),
      .run = [part, file](const Arguments& arguments, Console& console) {
        return ShowCertificate(part, file, arguments, console);
      }};
}

}  // namespace

std::vector<Command> CoordinatorCommands() {
  std::vector<Command> commands;
  commands.push_back(
      {.path = {"verify"},
       .summary = "verify a coordinator by its evidence, and the manifest it holds",
       .details = "Asks for evidence over a fresh nonce and checks it against Intel's root (and "
                  "those you add), the\n"
                  "platform's TCB, the expected enclave, and the very connection it came on. With "
                  "--manifest the\n"
                  "coordinator must hold exactly that manifest. What was verified is pinned for "
                  "later commands.",
       .positionals = {CoordinatorPositional()},
       .flags = With(
           {{.name = "--manifest", .value = "FILE|SHA256", .help = "the manifest it must hold"}},
           CoordinatorFlags()),
       .examples = {"strongroom verify coordinator.example:4433 --identity coordinator.json "
                    "--manifest manifest.json",
                    "strongroom verify -n strongroom --identity coordinator.json"},
       .run = Verify});
  commands.push_back({.path = {"status"},
                      .summary = "print the state of a verified coordinator",
                      .positionals = {CoordinatorPositional()},
                      .flags = CoordinatorFlags(),
                      .run = ShowStatus});
  commands.push_back(
      CertificateCommand("root", Part::kRoot, "marblerunRootCA.crt",
                         "save the root certificate that clients of the mesh trust"));
  commands.push_back(
      CertificateCommand("intermediate", Part::kIntermediate, "marblerunIntermediateCA.crt",
                         "save the intermediate certificate of the current manifest"));
  commands.push_back(CertificateCommand("chain", Part::kChain, "marblerunChainCA.crt",
                                        "save intermediate and root"));
  return commands;
}

}  // namespace strongroom::cli
