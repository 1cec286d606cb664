#include "cli/installation_watch.h"

#include <algorithm>
#include <charconv>
#include <thread>

#include <fmt/format.h>

#include "cli/interrupt.h"

namespace strongroom::cli {
namespace {

using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

// How long something that waiting does not mend may last before it is called a failure: the first
// look may be at what an upgrade is about to replace.
constexpr seconds kPatience{10};

constexpr std::string_view kTestWarning =
    "*** TEST *** the coordinator runs in a SIMULATED TEE: its evidence proves nothing and nothing "
    "is protected";

Result<Installation> Look(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const JsonDocument list, kubectl.Get({std::string(kInstallationKinds)}));
  return ReadInstallation(list.root(), kubectl.name_space());
}

// A webhook whose authority stands in no configuration cannot be called by the API server. What we
// may not look at is no problem of theirs.
std::optional<Problem> WebhookWithoutAuthority(const Kubectl& kubectl) {
  const std::string name = fmt::format("{}-webhook-{}", kRelease, kubectl.name_space());
  const auto found = kubectl.Get({"mutatingwebhookconfiguration", name});
  if (!found.has_value()) return std::nullopt;
  const Json* webhooks = found->root().Find("webhooks");
  if (webhooks == nullptr) return std::nullopt;
  for (const Json& webhook : webhooks->items()) {
    const Json* client = webhook.Find("clientConfig");
    const Json* authority = client == nullptr ? nullptr : client->Find("caBundle");
    if (authority != nullptr && authority->IsString() && !authority->String()->empty()) continue;
    return Problem{.object = "mutatingwebhookconfiguration " + name,
                   .why =
                       "the webhook's certificate authority is not in it yet, so the API server "
                       "refuses labelled pods",
                   .next = kubectl.Typed("logs deployment/strongroom-webhook")};
  }
  return std::nullopt;
}

bool HasWebhook(const Installation& installation) {
  return std::ranges::any_of(installation.parts,
                             [](const Part& part) { return part.name == "webhook"; });
}

void PrintProblems(const std::vector<Problem>& problems, Console& console) {
  for (const Problem& problem : problems) {
    console.Note(fmt::format("{}: {}\n  next: {}", problem.object, problem.why, problem.next));
  }
}

void PrintJson(const Installation& installation, const Kubectl& kubectl, Console& console) {
  JsonWriter out;
  out.Object().Key("namespace").String(kubectl.name_space());
  out.Key("ready").Bool(installation.ready() && installation.problems.empty());
  out.Key("simulated").Bool(installation.simulated).Key("parts").Array();
  for (const Part& part : installation.parts) {
    out.Object().Key("name").String(part.name).Key("available").Int(part.available);
    out.Key("wanted").Int(part.wanted).End();
  }
  out.End().Key("problems").Array();
  for (const Problem& problem : installation.problems) {
    out.Object().Key("object").String(problem.object).Key("why").String(problem.why);
    out.Key("next").String(problem.next).End();
  }
  out.End().End();
  console.Json(out);
}

// Says how far things are: one line redrawn on a terminal, a line a change elsewhere.
class Progress {
 public:
  explicit Progress(Console& console) : console_(console) {}
  void Show(const std::string& summary) {
    const auto passed = std::chrono::duration_cast<seconds>(Clock::now() - begun_).count();
    if (console_.ShowsProgress())
      console_.Progress(fmt::format("waiting: {} ({} s)", summary, passed));
    else if (summary != shown_) console_.Note(fmt::format("waiting: {}", summary));
    shown_ = summary;
  }

 private:
  Console& console_;
  const Clock::time_point begun_ = Clock::now();
  std::string shown_;
};

// One look. What is ready has no problems but a webhook that nobody can call.
Result<Installation> LookClosely(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(Installation installation, Look(kubectl));
  if (!installation.ready()) return installation;
  installation.problems.clear();
  if (!HasWebhook(installation)) return installation;
  if (auto problem = WebhookWithoutAuthority(kubectl))
    installation.problems.push_back(*std::move(problem));
  return installation;
}

}  // namespace

// Looks once a second until everything is available, something is broken that waiting does not
// mend, or time is up; the last look.
Result<Installation> WaitUntilReady(const Kubectl& kubectl, seconds timeout, Console& console) {
  const Interrupt interrupt;
  Progress progress(console);
  const auto begun = Clock::now();
  auto whole = begun;  // when nothing was broken
  while (true) {
    RETURN_IF_ERROR(interrupt.Check());
    ASSIGN_OR_RETURN(Installation installation, LookClosely(kubectl));
    if (installation.parts.empty()) return installation;
    if (installation.ready() && installation.problems.empty()) return installation;
    const auto now = Clock::now();
    if (std::ranges::all_of(installation.problems, &Problem::heals)) whole = now;
    if (now - begun >= timeout || now - whole >= kPatience) return installation;
    progress.Show(installation.Summary());
    std::this_thread::sleep_for(seconds(1));
  }
}

Result<seconds> Timeout(const Arguments& arguments, int otherwise) {
  const std::string text = arguments.Or("timeout", std::to_string(otherwise));
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > 86'400)
    return Malformed(fmt::format("--timeout is \"{}\", wanted seconds, 0 to 86400", text));
  return seconds(value);
}

// The verdict on an installation that was waited for.
Result<Exit> Conclude(const Installation& installation, const Kubectl& kubectl, Console& console) {
  console.Progress("");
  PrintJson(installation, kubectl, console);
  if (!installation.parts.empty())
    console.Line(fmt::format("{}: {}", kubectl.name_space(), installation.Summary()));
  PrintProblems(installation.problems, console);
  if (installation.simulated) console.Line(kTestWarning);
  if (installation.parts.empty()) {
    console.Failure(
        Error(Code::kPrecondition,
              fmt::format("nothing of ours is installed in namespace {}", kubectl.name_space())),
        "strongroom install -n " + kubectl.name_space());
    return Exit::kFailed;
  }
  const bool fine = installation.ready() && installation.problems.empty();
  if (!fine && !console.json()) console.Note("strongroom: not everything is up");
  return fine ? Exit::kDone : Exit::kFailed;
}

}  // namespace strongroom::cli
