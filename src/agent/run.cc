#include "agent/run.h"

#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "agent/activation_files.h"
#include "agent/exit_code.h"
#include "agent/file_layout.h"
#include "agent/handover.h"
#include "agent/retry.h"
#include "base/child_signals.h"
#include "base/end_signals.h"

namespace strongroom::agent {
namespace {

using std::chrono::milliseconds;

int ExitCodeOf(Stage stage) {
  switch (stage) {
    case Stage::kConfiguration: return kExitConfiguration;
    case Stage::kConnect: return kExitUnreachable;
    case Stage::kTrust: return kExitUntrusted;
    case Stage::kEvidence: return kExitNoEvidence;
    case Stage::kRefused:
    case Stage::kStopped: return kExitRefused;  // the latter only by a signal, which is told first
  }
  return kExitRefused;
}

std::string_view WhatFailed(Stage stage) {
  switch (stage) {
    case Stage::kConfiguration: return "bad environment";
    case Stage::kConnect: return "coordinator not reachable";
    case Stage::kTrust: return "coordinator not trusted";
    case Stage::kEvidence: return "no evidence";
    case Stage::kRefused: return "activation refused";
    case Stage::kStopped: return "activation stopped";
  }
  return "activation failed";
}

// Whether all that an activation gives can become files. What could not would be lost in silence.
Status ExpectFilesOnly(const Activation& activation) {
  const std::string_view lost = !activation.models.empty() ? "models"
                                : !activation.env.empty()  ? "environment variables"
                                : !activation.argv.empty() ? "arguments"
                                                           : "";
  if (lost.empty()) return {};
  return Precondition(fmt::format(
      "the manifest gives this marble {}, which no other container can be handed; wanted Files",
      lost));
}

bool EndsUs(int signal) {
  return signal == SIGTERM || signal == SIGINT || signal == SIGQUIT || signal == SIGHUP;
}

class Runner {
 public:
  Runner(const RunOptions& options, const RunParts& parts) : options_(options), parts_(parts) {}

  int Run() {
    const auto identity = FindIdentity(options_.config, parts_.environment, parts_.entropy);
    if (!identity.has_value()) return Fail(kExitConfiguration, "bad environment", identity.error());
    parts_.log.Info("activating", {{"marble", identity->marble},
                                   {"uuid", identity->uuid},
                                   {"coordinator", identity->coordinator},
                                   {"tee", parts_.evidence.Description()}});
    auto activation = ActivateWithRetries(*identity);
    if (ended_by_ != 0) return kSignalExit + ended_by_;
    if (!activation.has_value()) {
      return Fail(ExitCodeOf(activation.error().stage), WhatFailed(activation.error().stage),
                  activation.error().error);
    }
    parts_.log.Info("activated", {{"marble", identity->marble},
                                  {"models", fmt::format("{}", activation->models.size())},
                                  {"files", fmt::format("{}", activation->files.size())}});
    if (options_.purpose != Purpose::kProgram) return LayOut(*activation, *identity);
    return RunProgram(std::move(*activation), *identity);
  }

 private:
  int Fail(int code, std::string_view what, const Error& error) {
    parts_.log.Error(what,
                     {{"error", error.message()}, {"kind", std::string(CodeName(error.code()))}});
    return code;
  }

  std::expected<Activation, ActivationError> ActivateWithRetries(const WorkloadIdentity& identity) {
    BackOff back_off(parts_.entropy);
    return WithRetries(
        [&] {
          return Activate(identity, options_.config.coordinator,
                          {parts_.evidence, parts_.clock, parts_.entropy, floors_,
                           [this] { return !Sleep(milliseconds{0}); }},
                          options_.timeouts);
        },
        options_.timeout, back_off, [this](milliseconds wait) { return Sleep(wait); },
        [this](const ActivationError& failure, milliseconds wait) {
          parts_.log.Warn(
              "coordinator not reachable, trying again",
              {{"error", failure.error.message()}, {"in_ms", fmt::format("{}", wait.count())}});
        });
  }

  // False when a signal ends us instead, also one that came before. Those without a meaning here
  // are passed over.
  bool Sleep(milliseconds wait) {
    const auto end = std::chrono::steady_clock::now() + wait;
    while (const int signal =
               WaitForSignal(parts_.signals.waited(), end - std::chrono::steady_clock::now())) {
      if (!EndsUs(signal)) continue;
      ended_by_ = signal;
      return false;
    }
    return true;
  }

  int RunProgram(Activation activation, const WorkloadIdentity& identity) {
    const auto argv = ChooseArguments(activation, options_.config, options_.asked);
    if (!argv.has_value())
      return Fail(kExitConfiguration, "refused to start the program", argv.error());
    auto layout = FileLayout::Open(options_.config.run_folder);
    if (!layout.has_value()) {
      if (NeedsFiles(activation))
        return Fail(kExitLayout, "no place for files with secrets", layout.error());
      parts_.log.Debug("no run folder, and no files to write",
                       {{"reason", layout.error().message()}});
    } else if (layout->swept() > 0) {
      parts_.log.Warn("removed files that a killed agent left",
                      {{"files", fmt::format("{}", layout->swept())}});
    }
    if (NeedsFiles(activation)) {
      if (const Status written = WriteFiles(activation, *layout); !written.has_value()) {
        return Fail(kExitLayout, "what was received cannot be laid out", written.error());
      }
    }
    return StartAndWait(std::move(activation), identity, *argv);
  }

  bool NeedsFiles(const Activation& activation) const {
    return HasFiles(activation, options_.config.credential_files);
  }

  Status WriteFiles(const Activation& activation, FileLayout& layout) const {
    return agent::WriteFiles(activation, options_.config.credential_files, layout);
  }

  // For containers beside this one, which see the folders that the files lie in.
  int LayOut(const Activation& activation, const WorkloadIdentity& identity) {
    if (options_.config.kind != ProgramKind::kForeign)
      return Fail(kExitConfiguration, "nothing to lay out",
                  Error(Code::kPrecondition,
                        "kind is strongroom, wanted foreign: what a program of ours gets stays in "
                        "its own container"));
    if (const Status files_only = ExpectFilesOnly(activation); !files_only.has_value())
      return Fail(kExitConfiguration, "not all of it can be laid out", files_only.error());
    if (!NeedsFiles(activation))
      return Fail(kExitConfiguration, "nothing to lay out",
                  Error(Code::kPrecondition,
                        "the manifest gives no files and the configuration no credential_files, "
                        "wanted either"));
    auto layout = FileLayout::Open(options_.config.run_folder);
    if (!layout.has_value())
      return Fail(kExitLayout, "no place for files with secrets", layout.error());
    if (const Status written = WriteFiles(activation, *layout); !written.has_value())
      return Fail(kExitLayout, "what was received cannot be laid out", written.error());
    parts_.log.Info("laid out", {{"files", fmt::format("{}", activation.files.size())}});
    if (options_.purpose == Purpose::kSidecar) return Keep(activation, identity, *layout);
    layout->Leave();
    return 0;
  }

  // By what was received anew; a manifest that came since may give what files cannot hold.
  Status Renew(const Activation& renewed, FileLayout& layout) const {
    RETURN_IF_ERROR(ExpectFilesOnly(renewed));
    return ReplaceFiles(renewed, options_.config.credential_files, layout);
  }

  // Until a signal, which is how a sidecar ends. A renewal that fails is tried again; what was laid
  // out before stays.
  int Keep(const Activation& first, const WorkloadIdentity& identity, FileLayout& layout) {
    const std::string mark = options_.config.run_folder + "/" + kReadyMark;
    if (const Status marked = layout.Write(mark, {}); !marked.has_value())
      return Fail(kExitLayout, "not marked as ready", marked.error());
    milliseconds wait = WaitForRenewal(first);
    while (Sleep(wait)) {
      const auto renewed = ActivateWithRetries(identity);
      if (ended_by_ != 0) break;
      wait = options_.renewal_pause;
      const Status replaced =
          renewed.has_value() ? Renew(*renewed, layout) : std::unexpected(renewed.error().error);
      if (replaced.has_value()) {
        wait = WaitForRenewal(*renewed);
        parts_.log.Info("renewed", {{"marble", identity.marble}});
      } else {
        parts_.log.Error("not renewed, what was laid out stays",
                         {{"error", replaced.error().message()}});
      }
      if (!Sleep(options_.reading_time)) break;
      layout.WipeReplaced();
    }
    return 0;
  }

  milliseconds WaitForRenewal(const Activation& activation) const {
    const auto due = RenewalTime(activation);
    if (!due.has_value()) return options_.renewal_pause;
    const std::chrono::seconds left(*due - parts_.clock.Now());
    return std::max<milliseconds>(left, options_.renewal_pause);
  }

  int StartAndWait(Activation activation, const WorkloadIdentity& identity,
                   const std::vector<std::string>& argv) {
    auto child = StartProgram(std::move(activation), identity, argv);
    if (!child.has_value()) {
      const Code code = child.error().code();
      return Fail(code == Code::kNotFound ? kExitNotFound
                  : code == Code::kDenied ? kExitNotExecutable
                                          : kExitLayout,
                  "the program was not started", child.error());
    }
    parts_.log.Info("started", {{"program", options_.config.program},
                                {"pid", fmt::format("{}", child->pid())}});
    const int code = child->Wait();
    parts_.log.Info("ended",
                    {{"program", options_.config.program}, {"exit_code", fmt::format("{}", code)}});
    return code;
  }

  // The secrets leave this process's memory as soon as the program has them.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): it ends here
  Result<Child> StartProgram(Activation activation, const WorkloadIdentity& identity,
                             const std::vector<std::string>& argv) {
    ChildSpec spec;
    spec.program = options_.config.program;
    spec.argv = argv;
    if (options_.config.kind == ProgramKind::kStrongroom) {
      ASSIGN_OR_RETURN(const SecretBytes message, MakeHandover(activation, identity));
      ASSIGN_OR_RETURN(spec.handover, HandoverPipe::Open(message.Reveal()));
    }
    spec.environment =
        MakeEnvironment(activation, options_.config, parts_.environment,
                        spec.handover == nullptr ? -1 : spec.handover->reading_end());
    return Child::Start(std::move(spec), parts_.signals);
  }

  const RunOptions& options_;
  const RunParts& parts_;
  collateral::Floors floors_;  // over all attempts
  int ended_by_ = 0;
};

}  // namespace

int Run(const RunOptions& options, const RunParts& parts) { return Runner(options, parts).Run(); }

}  // namespace strongroom::agent
