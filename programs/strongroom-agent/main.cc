// strongroom-agent: the first program in a confidential workload. Attests to the coordinator, hands
// secrets over, starts the measured program and stays its parent.

#include <unistd.h>

#include <cstdio>

#include <CLI/CLI.hpp>

#include "agent/exit_code.h"
#include "agent/run.h"
#include "base/dumps.h"
#include "base/files.h"
#include "base/portable_copy.h"
#include "base/version.h"
#include "tee/detect.h"

namespace strongroom {
namespace {

constexpr const char* kRunHelp = R"(Exit codes:
  the program's own, or 128 plus the signal that ended it (also when a signal ends the agent before)
  120  the command line, the environment or the measured configuration is wrong
  121  no coordinator answered within --timeout
  122  the coordinator did not prove to be the one that the configuration names
  123  the coordinator refused the activation; the log says what it found
  124  no evidence: this is no TEE, or it gave none
  125  what was received could not be laid out, for instance because a place is not on tmpfs
  126  the program cannot be executed: it is not part of what was measured
  127  there is no such program

Environment (chosen by the host, never trusted):
  STRONGROOM_COORDINATOR, EDG_MARBLE_COORDINATOR_ADDR   host:port of the coordinator (localhost:2001)
  EDG_MARBLE_TYPE        the marble, when the configuration does not name it
  EDG_MARBLE_UUID_FILE   file with the instance's UUID, made when missing (default: a new UUID each time)
  EDG_MARBLE_DNS_NAMES   names wished for in the certificate (localhost); the manifest decides
  EDG_LOG_FORMAT         text or json (text))";

struct Flags {
  std::string config = "/etc/strongroom/agent.json";
  unsigned timeout_seconds = 120;
  std::string log_level = "info";
  std::vector<std::string> asked;
  agent::Purpose purpose = agent::Purpose::kProgram;
};

int Fail(std::string_view what, const Error& error) {
  std::fprintf(stderr, "strongroom-agent: %.*s: %s\n", static_cast<int>(what.size()), what.data(),
               error.message().c_str());
  return agent::kExitConfiguration;
}

int Run(const Flags& flags) {
  const agent::BlockedSignals signals;  // before any thread
  if (const Status forbidden = ForbidDumps(); !forbidden.has_value())
    return Fail("dumps", forbidden.error());
  const auto level = ParseLogLevel(flags.log_level);
  if (!level.has_value()) return Fail("--log-level", level.error());
  const auto format = ParseLogFormat(ProcessEnvironment("EDG_LOG_FORMAT").value_or("text"));
  if (!format.has_value()) return Fail("EDG_LOG_FORMAT", format.error());
  Log log("strongroom-agent", *level, *format);

  const auto text = ReadTextFile(flags.config, agent::kMaxConfigBytes);
  if (!text.has_value()) return Fail("--config", text.error());
  auto config = agent::ParseConfig(*text);
  if (!config.has_value()) return Fail(flags.config, config.error());
  const auto evidence = tee::DetectEvidenceSource();
  if (!evidence.has_value()) {
    log.Error("no evidence", {{"error", evidence.error().message()}});
    return agent::kExitNoEvidence;
  }
  const SystemClock clock;
  SystemEntropy entropy;
  agent::RunOptions options;
  options.config = std::move(*config);
  options.purpose = flags.purpose;
  options.asked = flags.asked;
  options.timeout = std::chrono::seconds(flags.timeout_seconds);
  return agent::Run(options, {**evidence, clock, entropy, ProcessEnvironment, log, signals});
}

// Whether a sidecar with this configuration has laid out its files; for start-up probes.
int Ready(const Flags& flags) {
  const auto text = ReadTextFile(flags.config, agent::kMaxConfigBytes);
  if (!text.has_value()) return Fail("--config", text.error());
  const auto config = agent::ParseConfig(*text);
  if (!config.has_value()) return Fail(flags.config, config.error());
  return access((config->run_folder + "/" + agent::kReadyMark).c_str(), F_OK) == 0 ? 0 : 1;
}

void AddActivation(CLI::App& command, Flags& flags, agent::Purpose purpose) {
  command
      .add_option("--config", flags.config, "Measured configuration (docs/formats/agent-config.md)")
      ->capture_default_str();
  command
      .add_option("--timeout", flags.timeout_seconds,
                  "Seconds until a coordinator must have answered")
      ->capture_default_str()
      ->check(CLI::Range(1U, 86'400U));
  command.add_option("--log-level", flags.log_level, "debug, info, warn or error")
      ->capture_default_str();
  command.add_option("--log_level", flags.log_level)->group("");  // as model servers spell flags
  command.callback([&flags, purpose] { flags.purpose = purpose; });
}

int Copy(const std::string& folder) {
  const Status copied = CopyProgramTo(folder);
  return copied.has_value() ? 0 : Fail("copy", copied.error());
}

}  // namespace
}  // namespace strongroom

int main(int argc, char** argv) {
  CLI::App app("Attests to the coordinator, hands secrets over, starts the measured program.",
               "strongroom-agent");
  app.set_version_flag("--version", std::string(strongroom::Version()));
  app.require_subcommand(1);
  strongroom::Flags flags;
  CLI::App* run = app.add_subcommand("run", "Activates and runs the measured program.");
  run->footer(strongroom::kRunHelp);
  strongroom::AddActivation(*run, flags, strongroom::agent::Purpose::kProgram);
  run->add_option(
      "program", flags.asked,
      "PROGRAM ARGS: only checked; refused unless equal to the measured program and its arguments");
  run->positionals_at_end();
  strongroom::AddActivation(
      *app.add_subcommand("init",
                          "Activates, lays files out for other containers of the pod, and ends."),
      flags, strongroom::agent::Purpose::kFiles);
  strongroom::AddActivation(
      *app.add_subcommand("sidecar",
                          "The same, and stays: renews the files before the certificate ends, "
                          "removes them at the end."),
      flags, strongroom::agent::Purpose::kSidecar);
  CLI::App* ready = app.add_subcommand(
      "ready", "Exit status 0 when a sidecar with this configuration has laid out its files.");
  ready->add_option("--config", flags.config, "The sidecar's configuration")->capture_default_str();
  std::string folder;
  CLI::App* copy = app.add_subcommand(
      "copy",
      "Copies this program with its libraries into a folder, for another container; it runs there "
      "under the same path only.");
  copy->add_option("FOLDER", folder, "made when it is missing")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : strongroom::agent::kExitConfiguration;
  }
  if (ready->parsed()) return strongroom::Ready(flags);
  if (copy->parsed()) return strongroom::Copy(folder);
  return strongroom::Run(flags);
}
