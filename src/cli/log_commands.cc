#include <fmt/format.h>

#include "base/encoding.h"
#include "cli/audit_chain.h"
#include "cli/commands.h"
#include "cli/coordinator_client.h"

namespace strongroom::cli {
namespace {

constexpr int kPage = 500;

// One page, checked to go on where the chain ended; the head that the coordinator signed.
Result<AuditChain::Head> ReadPage(CoordinatorClient& client, AuditChain& chain, Console& console,
                                  JsonWriter& out) {
  ASSIGN_OR_RETURN(const JsonDocument data, client.Get(fmt::format("/api/v2/audit?from={}&limit={}",
                                                                   chain.length() + 1, kPage)));
  ASSIGN_OR_RETURN(const Json* entries, data.root().Get("entries"));
  for (const Json& item : entries->items()) {
    ASSIGN_OR_RETURN(const std::string_view text, item.String());
    RETURN_IF_ERROR(In("audit log of " + client.name(), chain.Add(text)));
    ASSIGN_OR_RETURN(const std::string line, EntryForPeople(text));
    console.Line(line);
    out.Raw(text);
  }
  ASSIGN_OR_RETURN(const Json* head, data.root().Get("head"));
  return AuditChain::ReadHead(*head);
}

Result<Exit> Log(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(const auto user, UserCredentials(arguments));
  ASSIGN_OR_RETURN(CoordinatorClient client, OpenVerified(arguments, user));
  AuditChain chain;
  JsonWriter out;
  out.Object().Key("entries").Array();
  ASSIGN_OR_RETURN(AuditChain::Head head, ReadPage(client, chain, console, out));
  // Entries that are written meanwhile move the head on.
  for (std::uint64_t before = 0; chain.length() < head.sequence && chain.length() > before;) {
    before = chain.length();
    ASSIGN_OR_RETURN(head, ReadPage(client, chain, console, out));
  }
  ASSIGN_OR_RETURN(const crypto::PublicKey key, client.root().public_key());
  RETURN_IF_ERROR(In("audit log of " + client.name(), chain.ExpectHead(head, key)));
  console.Note(fmt::format("{} entries, unbroken and signed; the last has SHA-256 {}",
                           chain.length(), HexEncode(head.digest.view())));
  out.End().Key("head").Object().Key("seq").Unsigned(head.sequence);
  out.Key("sha256").String(HexEncode(head.digest.view())).End().End();
  console.Json(out);
  return Exit::kDone;
}

}  // namespace

std::vector<Command> LogCommands() {
  std::vector<Flag> flags = UserFlags(true);
  for (Flag& flag : CoordinatorFlags()) flags.push_back(std::move(flag));
  Command log = {
      .path = {"log"},
      .summary = "print a coordinator's audit log: what was released to whom, and what refused",
      .details =
          "Each entry holds the digest of the one before, and the coordinator signs the "
          "last: what is shown is\n"
          "unbroken from the first. Keep the last digest, and nobody can take back what "
          "came before it.",
      .positionals = {CoordinatorPositional()},
      .flags = std::move(flags),
      .examples = {"strongroom log -n strongroom -c owner.crt -k owner.key"},
      .run = Log};
  // MarbleRun's name for what it has of this.
  Command as_marblerun = log;
  as_marblerun.path = {"manifest", "log"};
  as_marblerun.summary = "the same as \"strongroom log\"";
  as_marblerun.examples = {};
  return {std::move(log), std::move(as_marblerun)};
}

}  // namespace strongroom::cli
