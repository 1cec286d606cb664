#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/files.h"
#include "cli/commands.h"
#include "cli/coordinator_client.h"
#include "cli/manifest_reference.h"
#include "cli/plain_text.h"
#include "crypto/hash.h"
#include "manifest/check.h"
#include "manifest/manifest.h"

namespace strongroom::cli {

Result<std::string> ReadManifestFile(const std::string& path) {
  return ReadTextFile(path, manifest::kMaxManifestBytes);
}

Result<std::string> FingerprintOf(std::string_view file_or_sha256) {
  if (file_or_sha256.size() == 64 && HexDecode(file_or_sha256).has_value()) {
    return HexEncode(HexDecode(file_or_sha256).value());
  }
  ASSIGN_OR_RETURN(const std::string text, ReadManifestFile(std::string(file_or_sha256)));
  return HexEncode(crypto::Sha256(AsBytes(text)).view());
}

Status ExpectFingerprint(std::string_view address, std::string_view found,
                         std::string_view wanted) {
  if (found == wanted) return {};
  return Conflict(fmt::format("{} holds the manifest {}, wanted {}", address, found, wanted));
}

namespace {

Status PinManifest(const CoordinatorClient& client, const std::string& fingerprint) {
  ASSIGN_OR_RETURN(const Pins pins, Pins::OfThisUser());
  ASSIGN_OR_RETURN(std::optional<Pin> pin, pins.Find(client.name()));
  if (!pin.has_value()) pin = Pin{.root_pem = client.root().Pem()};
  pin->manifest_sha256 = fingerprint;
  return pins.Save(client.name(), *pin);
}

void PrintRemarks(std::string_view kind, const std::vector<manifest::Remark>& remarks,
                  Console& console) {
  for (const manifest::Remark& remark : remarks) {
    console.Line(OneLine(fmt::format("{}: {} [{}]", kind, remark.ToString(), remark.id)));
  }
}

void WriteRemarks(std::string_view name, const std::vector<manifest::Remark>& remarks,
                  JsonWriter& out) {
  out.Key(name).Array();
  for (const manifest::Remark& remark : remarks) {
    out.Object().Key("id").String(remark.id).Key("path").String(remark.path);
    out.Key("text").String(remark.text).End();
  }
  out.End();
}

Result<Exit> Check(const Arguments& arguments, Console& console) {
  const std::string& file = arguments.One("FILE");
  ASSIGN_OR_RETURN(const std::string text, ReadManifestFile(file));
  ASSIGN_OR_RETURN(const manifest::Manifest parsed, In(file, manifest::ParseManifest(text)));
  manifest::CheckReport report = manifest::CheckManifest(parsed);
  std::ranges::move(manifest::CheckValidity(parsed, SystemClock().Now()),
                    std::back_inserter(report.notes));
  PrintRemarks("error", report.problems, console);
  PrintRemarks("unsupported", report.unsupported, console);
  PrintRemarks("note", report.notes, console);
  const std::string fingerprint = HexEncode(manifest::Fingerprint(text).view());
  if (report.ok()) console.Line(fmt::format("{} can be set; fingerprint {}", file, fingerprint));
  JsonWriter out;
  out.Object().Key("ok").Bool(report.ok()).Key("fingerprint").String(fingerprint);
  WriteRemarks("problems", report.problems, out);
  WriteRemarks("unsupported", report.unsupported, out);
  WriteRemarks("notes", report.notes, out);
  out.End();
  console.Json(out);
  return report.ok() ? Exit::kDone : Exit::kFailed;
}

Result<Exit> Set(const Arguments& arguments, Console& console) {
  const std::string& file = arguments.One("FILE");
  ASSIGN_OR_RETURN(const std::string text, ReadManifestFile(file));
  // What the coordinator would refuse is refused here with the same words, before anything is sent.
  ASSIGN_OR_RETURN(const manifest::Manifest parsed, In(file, manifest::ParseManifest(text)));
  RETURN_IF_ERROR(In(file, manifest::CheckManifest(parsed).ToStatus()));
  ASSIGN_OR_RETURN(CoordinatorClient client, OpenVerified(arguments));
  JsonWriter body;
  body.Object().Key("manifest").String(Base64Encode(AsBytes(text))).End();
  ASSIGN_OR_RETURN(const JsonDocument answer, client.Post("/api/v2/manifest", body.text()));
  ASSIGN_OR_RETURN(const HeldManifest held, client.GetManifest());
  const std::string fingerprint = HexEncode(crypto::Sha256(AsBytes(text)).view());
  RETURN_IF_ERROR(ExpectFingerprint(client.name(), held.fingerprint, fingerprint));
  RETURN_IF_ERROR(PinManifest(client, fingerprint));
  console.Line("manifest set; fingerprint " + fingerprint);
  JsonWriter out;
  out.Object().Key("fingerprint").String(fingerprint).Key("answer").Raw(answer.root().raw()).End();
  console.Json(out);
  return Exit::kDone;
}

Result<Exit> Get(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(CoordinatorClient client, OpenVerified(arguments));
  ASSIGN_OR_RETURN(const HeldManifest held, client.GetManifest());
  if (const auto file = arguments.Optional("output")) {
    RETURN_IF_ERROR(WriteFileAtomic(*file, AsBytes(held.text), 0644));
    console.Line(fmt::format("wrote {}; fingerprint {}", *file, held.fingerprint));
    console.Json(JsonWriter()
                     .Object()
                     .Key("file")
                     .String(*file)
                     .Key("fingerprint")
                     .String(held.fingerprint)
                     .End());
    return Exit::kDone;
  }
  console.Bytes(held.text);
  console.Json(JsonWriter()
                   .Object()
                   .Key("fingerprint")
                   .String(held.fingerprint)
                   .Key("manifest")
                   .String(held.text)
                   .End());
  return Exit::kDone;
}

Result<Exit> VerifyHeld(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(const std::string wanted, FingerprintOf(arguments.One("FILE|SHA256")));
  ASSIGN_OR_RETURN(CoordinatorClient client, OpenVerified(arguments));
  ASSIGN_OR_RETURN(const HeldManifest held, client.GetManifest());
  RETURN_IF_ERROR(ExpectFingerprint(client.name(), held.fingerprint, wanted));
  RETURN_IF_ERROR(PinManifest(client, held.fingerprint));
  console.Line("OK");
  console.Json(JsonWriter().Object().Key("fingerprint").String(held.fingerprint).End());
  return Exit::kDone;
}

Result<Exit> Signature(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(const std::string text, ReadManifestFile(arguments.One("FILE")));
  const std::string fingerprint = HexEncode(manifest::Fingerprint(text).view());
  console.Line(fingerprint);
  console.Json(JsonWriter().Object().Key("fingerprint").String(fingerprint).End());
  return Exit::kDone;
}

}  // namespace

std::vector<Command> ManifestCommands() {
  const Positional address = CoordinatorPositional();
  std::vector<Flag> get_flags = CoordinatorFlags();
  get_flags.insert(get_flags.begin(),
                   {.name = "--output,-o", .value = "FILE", .help = "write it there"});
  return {
      {.path = {"manifest", "check"},
       .summary = "say what is wrong with a manifest, what is weak, and what is ignored",
       .positionals = {{.name = "FILE", .help = "the manifest (JSON)"}},
       .run = Check},
      {.path = {"manifest", "set"},
       .summary = "set a coordinator's manifest, once",
       .details = "The coordinator is verified first: by the identity flags, or as pinned by an "
                  "earlier verify.",
       .positionals = {{.name = "FILE", .help = "the manifest (JSON)"}, address},
       .flags = CoordinatorFlags(),
       .examples = {"strongroom manifest set manifest.json coordinator.example:4433 --identity "
                    "coordinator.json",
                    "strongroom manifest set manifest.json -n strongroom"},
       .run = Set},
      {.path = {"manifest", "get"},
       .summary = "print the manifest a coordinator holds, after checking its signature",
       .positionals = {address},
       .flags = get_flags,
       .run = Get},
      {.path = {"manifest", "verify"},
       .summary = "check that a coordinator holds exactly this manifest, and pin it",
       .positionals = {{.name = "FILE|SHA256", .help = "the manifest or its fingerprint"}, address},
       .flags = CoordinatorFlags(),
       .run = VerifyHeld},
      {.path = {"manifest", "signature"},
       .summary = "print a manifest's fingerprint (hex SHA-256 of the file)",
       .positionals = {{.name = "FILE", .help = "the manifest"}},
       .run = Signature},
  };
}

}  // namespace strongroom::cli
