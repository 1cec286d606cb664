#include <map>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "cli/commands.h"
#include "cli/coordinator_client.h"
#include "cli/manifest_reference.h"
#include "cli/plain_text.h"
#include "manifest/check.h"

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

// What a person must know of a manifest beside its fingerprint: whom else it trusts, and what is
// weaker in it than it may seem.
struct ManifestFacts {
  std::map<std::string, std::vector<std::string>> anchors;  // package to roots besides Intel's, hex
  std::vector<std::string> remarks;
};

Result<ManifestFacts> FactsOf(const std::string& manifest_text) {
  ASSIGN_OR_RETURN(const manifest::Manifest parsed, manifest::ParseManifest(manifest_text));
  ManifestFacts facts;
  for (const auto& [name, package] : parsed.packages) {
    for (const attest::Anchor& anchor : package.trust_anchors)
      facts.anchors[name].push_back(HexEncode(anchor.view()));
  }
  for (const manifest::Remark& remark : manifest::CheckManifest(parsed).notes)
    facts.remarks.push_back(remark.ToString());
  return facts;
}

// The same as a coordinator tells it; MarbleRun's does not.
Result<ManifestFacts> FactsOf(const Json& status) {
  ManifestFacts facts;
  if (const Json* anchors = status.Find("trustAnchors")) {
    for (const auto& [package, roots] : anchors->members()) {
      for (const Json& root : roots.items()) {
        ASSIGN_OR_RETURN(const std::string_view hex, In("trustAnchors", root.String()));
        facts.anchors[std::string(package)].emplace_back(hex);
      }
    }
  }
  if (const Json* remarks = status.Find("remarks")) {
    for (const Json& remark : remarks->items()) {
      ASSIGN_OR_RETURN(const std::string_view text, In("remarks", remark.String()));
      facts.remarks.emplace_back(text);
    }
  }
  return facts;
}

void PrintFacts(const ManifestFacts& facts, Console& console) {
  for (const auto& [package, anchors] : facts.anchors) {
    for (const std::string& anchor : anchors)
      console.Line(fmt::format("  also trusts  {} (not Intel's: for package {})", OneLine(anchor),
                               OneLine(package)));
  }
  for (const std::string& remark : facts.remarks) console.Line("  remark       " + OneLine(remark));
}

void WriteFacts(const ManifestFacts& facts, JsonWriter& out) {
  out.Key("trustAnchors").Object();
  for (const auto& [package, anchors] : facts.anchors) {
    out.Key(package).Array();
    for (const std::string& anchor : anchors) out.String(anchor);
    out.End();
  }
  out.End().Key("remarks").Array();
  for (const std::string& remark : facts.remarks) out.String(remark);
  out.End();
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
  ManifestFacts facts;
  CoordinatorClient client = CoordinatorClient::Pinned(target, proof.root);
  if (wanted.has_value()) {
    ASSIGN_OR_RETURN(const HeldManifest held, client.GetManifest());
    RETURN_IF_ERROR(ExpectFingerprint(target.name, held.fingerprint, *wanted));
    fingerprint = held.fingerprint;
    ASSIGN_OR_RETURN(facts, In("the manifest of " + target.name, FactsOf(held.text)));
  }
  RETURN_IF_ERROR(SavePin(target.name, proof, fingerprint));
  console.Line(target.name + " is the coordinator you expect:");
  PrintClaims(proof, console);
  console.Line(fingerprint.empty()
                   ? "  manifest     not verified (give --manifest FILE or its SHA-256)"
                   : "  manifest     " + fingerprint);
  PrintFacts(facts, console);
  JsonWriter out;
  out.Object().Key("address").String(target.name);
  WriteClaims(proof, out);
  out.Key("manifest").String(fingerprint);
  if (!fingerprint.empty()) WriteFacts(facts, out);
  out.Key("root").String(proof.root.Pem()).End();
  console.Json(out);
  return Exit::kDone;
}

Result<Exit> ShowStatus(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(CoordinatorClient client, OpenVerified(arguments));
  ASSIGN_OR_RETURN(const JsonDocument data, client.Get("/api/v2/status"));
  ASSIGN_OR_RETURN(const std::int64_t code, data.root().GetInt("code"));
  ASSIGN_OR_RETURN(const std::string_view message, data.root().GetString("message"));
  ASSIGN_OR_RETURN(const ManifestFacts facts, In("status", FactsOf(data.root())));
  console.Line(OneLine(fmt::format("{}: {}", code, message)));
  if (const Json* fingerprint = data.root().Find("manifestFingerprint")) {
    ASSIGN_OR_RETURN(const std::string_view hex, In("manifestFingerprint", fingerprint->String()));
    console.Line("  manifest     " + OneLine(hex));
  }
  PrintFacts(facts, console);
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
       .details =
           "Asks for evidence over a fresh nonce and checks it against Intel's root (and "
           "those you add), the\n"
           "platform's TCB, the expected enclave, and the very connection it came on. With "
           "--manifest the\n"
           "coordinator must hold exactly that manifest, and it is said which roots its packages "
           "trust besides Intel's\n"
           "and what in it is weaker than it may seem. What was verified is pinned for later "
           "commands.",
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
                      .details =
                          "The first line is the state, as MarbleRun's CLI prints it. With a "
                          "manifest follow its fingerprint, the\n"
                          "roots that its packages trust besides Intel's, and what in it is "
                          "weaker than it may seem.",
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
