#include "agent/run.h"

#include <cerrno>
#include <csignal>
#include <ctime>

#include <fmt/format.h>

#include "agent/exit_code.h"
#include "agent/file_layout.h"
#include "agent/handover.h"
#include "agent/retry.h"

namespace strongroom::agent {
namespace {

using std::chrono::milliseconds;

constexpr int kSignalBase = 128;

int ExitCodeOf(Stage stage) {
  switch (stage) {
    case Stage::kConnect: return kExitUnreachable;
    case Stage::kTrust: return kExitUntrusted;
    case Stage::kEvidence: return kExitNoEvidence;
    case Stage::kRefused: return kExitRefused;
  }
  return kExitRefused;
}

std::string_view WhatFailed(Stage stage) {
  switch (stage) {
    case Stage::kConnect: return "coordinator not reachable";
    case Stage::kTrust: return "coordinator not trusted";
    case Stage::kEvidence: return "no evidence";
    case Stage::kRefused: return "activation refused";
  }
  return "activation failed";
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
    if (ended_by_ != 0) return kSignalBase + ended_by_;
    if (!activation.has_value()) {
      return Fail(ExitCodeOf(activation.error().stage), WhatFailed(activation.error().stage),
                  activation.error().error);
    }
    parts_.log.Info("activated", {{"marble", identity->marble},
                                  {"models", fmt::format("{}", activation->models.size())},
                                  {"files", fmt::format("{}", activation->files.size())}});
    return RunProgram(std::move(*activation), *identity);
  }

 private:
  int Fail(int code, std::string_view what, const Error& error) {
    parts_.log.Error(what,
                     {{"error", error.message()}, {"kind", std::string(CodeName(error.code()))}});
    parts_.log.Flush();
    return code;
  }

  std::expected<Activation, ActivationError> ActivateWithRetries(const WorkloadIdentity& identity) {
    BackOff back_off(parts_.entropy);
    return WithRetries(
        [&] {
          return Activate(identity, options_.config.coordinator,
                          {parts_.evidence, parts_.clock, parts_.entropy}, options_.timeouts);
        },
        options_.timeout, back_off, [this](milliseconds wait) { return Sleep(wait); },
        [this](const ActivationError& failure, milliseconds wait) {
          parts_.log.Warn(
              "coordinator not reachable, trying again",
              {{"error", failure.error.message()}, {"in_ms", fmt::format("{}", wait.count())}});
        });
  }

  // False when a signal ends us instead. Those without a meaning here are passed over.
  bool Sleep(milliseconds wait) {
    const auto end = std::chrono::steady_clock::now() + wait;
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
                            end - std::chrono::steady_clock::now())
                            .count();
      if (left <= 0) return true;
      const timespec limit{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
      const int signal = sigtimedwait(&parts_.signals.waited(), nullptr, &limit);
      if (signal > 0 && EndsUs(signal)) {
        ended_by_ = signal;
        return false;
      }
    }
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
    const CredentialFiles& names = options_.config.credential_files;
    return !activation.files.empty() || !names.certificate_chain.empty() ||
           !names.private_key.empty() || !names.marble_root.empty() || !names.root.empty();
  }

  Status WriteFiles(const Activation& activation, FileLayout& layout) const {
    for (const auto& [path, content] : activation.files)
      RETURN_IF_ERROR(layout.Write(path, content.Reveal()));
    const CredentialFiles& names = options_.config.credential_files;
    const auto write = [&layout](const std::string& path, ByteView content) -> Status {
      if (path.empty()) return {};
      return layout.Write(path, content);
    };
    RETURN_IF_ERROR(write(names.certificate_chain, AsBytes(activation.certificate_chain_pem)));
    RETURN_IF_ERROR(write(names.marble_root, AsBytes(activation.marble_root_pem)));
    RETURN_IF_ERROR(write(names.root, AsBytes(activation.root_certificate_pem)));
    return write(names.private_key, activation.key.Pkcs8Pem().Reveal());
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
    parts_.log.Flush();
    const int code = child->Wait();
    parts_.log.Info("ended",
                    {{"program", options_.config.program}, {"exit_code", fmt::format("{}", code)}});
    return code;
  }

  // The secrets leave this process's memory as soon as the program has them.
  Result<Child> StartProgram(Activation activation, const WorkloadIdentity& identity,
                             const std::vector<std::string>& argv) {
    ChildSpec spec;
    spec.program = options_.config.program;
    spec.argv = argv;
    if (options_.config.kind == ProgramKind::kStrongroom) {
      ASSIGN_OR_RETURN(spec.handover, MakeHandover(activation, identity));
    }
    spec.environment =
        MakeEnvironment(activation, options_.config, parts_.environment, spec.handover.get());
    return Child::Start(std::move(spec), parts_.signals);
  }

  const RunOptions& options_;
  const RunParts& parts_;
  int ended_by_ = 0;
};

}  // namespace

int Run(const RunOptions& options, const RunParts& parts) { return Runner(options, parts).Run(); }

}  // namespace strongroom::agent
