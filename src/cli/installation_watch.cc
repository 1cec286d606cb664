#include "cli/installation_watch.h"

#include <poll.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/plain_text.h"
#include "cli/webhook_check.h"

namespace strongroom::cli {
namespace {

using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

// How long something that waiting does not mend may last before it is called a failure: the first
// look may be at what an upgrade is about to replace, and a kubelet pulls a second time after ten
// seconds.
constexpr seconds kPatience{15};

constexpr std::string_view kTestWarning =
    "*** TEST *** the coordinator runs in a SIMULATED TEE: its evidence proves nothing and nothing "
    "is protected";

Result<Installation> Look(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const JsonDocument list, kubectl.Get({std::string(kInstallationKinds)}));
  return ReadInstallation(list.root(), kubectl);
}

bool HasWebhook(const Installation& installation) {
  return std::ranges::any_of(installation.parts,
                             [](const Part& part) { return part.name == "webhook"; });
}

// How much of a log tells why a program gave up.
constexpr std::string_view kLogTail = "--tail=5";

// The end of the log that a problem names; empty when it cannot be had.
std::string LogTail(const Problem& problem, const Kubectl& kubectl) {
  if (problem.log.empty()) return "";
  std::vector<std::string> words = {"logs", std::string(kLogTail)};
  words.insert(words.end(), problem.log.begin(), problem.log.end());
  std::string text = kubectl.Run(std::move(words)).value_or("");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

void PrintProblem(const Problem& problem, std::string_view log, Console& console) {
  console.Note(OneLine(fmt::format("{}: {}", problem.object, problem.why)));
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    console.Note(fmt::format("  log: {}", OneLine(line)));
    log.remove_prefix(std::min(line.size() + 1, log.size()));
  }
  console.Note("  next: " + OneLine(problem.next));
}

// Says what is wrong, for people and into the array `out`.
void ReportProblems(const std::vector<Problem>& problems, const Kubectl& kubectl, Console& console,
                    JsonWriter& out) {
  for (const Problem& problem : problems) {
    const std::string log = LogTail(problem, kubectl);
    PrintProblem(problem, log, console);
    out.Object().Key("object").String(problem.object).Key("why").String(problem.why);
    if (!log.empty()) out.Key("log").String(log);
    out.Key("next").String(problem.next).End();
  }
}

void Report(const Installation& installation, const Kubectl& kubectl, Console& console) {
  if (!installation.parts.empty())
    console.Line(fmt::format("{}: {}", kubectl.name_space(), OneLine(installation.Summary())));
  JsonWriter out;
  out.Object().Key("namespace").String(kubectl.name_space());
  out.Key("ready").Bool(installation.fine());
  out.Key("simulated").Bool(installation.simulated).Key("parts").Array();
  for (const Part& part : installation.parts) {
    out.Object().Key("name").String(part.name).Key("available").Int(part.available);
    out.Key("wanted").Int(part.wanted).End();
  }
  out.End().Key("problems").Array();
  ReportProblems(installation.problems, kubectl, console, out);
  out.End().Key("unknown").Array();
  for (const std::string& what : installation.unknown) {
    console.Note("not known: " + OneLine(what));
    out.String(what);
  }
  out.End().End();
  if (installation.simulated) console.Line(kTestWarning);
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
    else if (summary != shown_) console_.Note(fmt::format("waiting: {}", OneLine(summary)));
    shown_ = summary;
  }

 private:
  Console& console_;
  const Clock::time_point begun_ = Clock::now();
  std::string shown_;
};

// One look. Ready pods of a webhook are worth nothing when nobody can call it.
Result<Installation> LookClosely(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(Installation installation, Look(kubectl));
  if (!installation.ready() || !HasWebhook(installation)) return installation;
  auto problem = FindWebhookProblem(kubectl);
  if (!problem.has_value()) {
    if (problem.error().code() == Code::kCancelled) return std::unexpected(problem.error());
    installation.unknown.push_back("whether the API server calls the webhook: " +
                                   problem.error().message());
  } else if (problem->has_value()) {
    installation.problems.push_back(**std::move(problem));
  }
  return installation;
}

// Until it is over, or a signal comes.
Status Pause(std::chrono::milliseconds time) {
  ASSIGN_OR_RETURN(const UniqueFd interrupts, Interrupt::Watch());
  pollfd watch{interrupts.get(), POLLIN, 0};
  if (::poll(&watch, 1, static_cast<int>(time.count())) > 0) return Cancelled("stopped");
  return {};
}

}  // namespace

Result<Installation> WaitUntilReady(const Kubectl& kubectl, seconds timeout, Console& console) {
  Progress progress(console);
  const auto begun = Clock::now();
  auto whole = begun;  // when nothing was broken
  while (true) {
    ASSIGN_OR_RETURN(Installation installation, LookClosely(kubectl));
    if (installation.parts.empty()) return installation;
    if (installation.fine()) return installation;
    const auto now = Clock::now();
    if (std::ranges::all_of(installation.problems, &Problem::heals)) whole = now;
    if (now - begun >= timeout || now - whole >= kPatience) return installation;
    const bool only_webhook = installation.ready();
    progress.Show(installation.Summary() +
                  (only_webhook ? "; " + installation.problems.front().object : ""));
    RETURN_IF_ERROR(Pause(seconds(1)));
  }
}

Result<seconds> Timeout(const Arguments& arguments, int otherwise) {
  const std::string text = arguments.Or("timeout", std::to_string(otherwise));
  const auto value = ParseDecimal<int>(text);
  if (!value || *value < 0 || *value > 86'400)
    return WrongUsage(fmt::format("--timeout is \"{}\", wanted seconds, 0 to 86400", text));
  return seconds(*value);
}

Result<Exit> Conclude(const Installation& installation, const Kubectl& kubectl, Console& console) {
  console.Progress("");
  Report(installation, kubectl, console);
  if (installation.parts.empty()) {
    console.Failure(
        Error(Code::kPrecondition,
              fmt::format("nothing of ours is installed in namespace {}", kubectl.name_space())),
        "strongroom install" + kubectl.Flags());
    return Exit::kFailed;
  }
  if (!installation.fine()) console.Note("strongroom: not everything is up");
  return installation.fine() ? Exit::kDone : Exit::kFailed;
}

}  // namespace strongroom::cli
