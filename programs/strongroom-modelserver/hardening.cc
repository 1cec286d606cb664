#include "hardening.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace strongroom::modelserver {
namespace {

constexpr std::string_view kEnginePrefixes[] = {"OV_",   "OPENVINO_", "ONEDNN_",
                                                "DNNL_", "TBB_",      "OMP_"};

sigset_t EndSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void DropEngineVariables(Log& log) {
  std::vector<std::string> names;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    for (const std::string_view prefix : kEnginePrefixes) {
      if (text.starts_with(prefix)) names.emplace_back(text.substr(0, text.find('=')));
    }
  }
  for (const std::string& name : names) {
    log.Warn("ignored a variable that would steer the engine", {{"name", name}});
    unsetenv(name.c_str());
  }
}

void BlockEndSignals() {
  const sigset_t set = EndSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int WaitForEnd() {
  const sigset_t set = EndSignals();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  return signal;
}

void WaitForEndAgain(std::chrono::seconds at_most) {
  const sigset_t set = EndSignals();
  const auto end = std::chrono::steady_clock::now() + at_most;
  while (true) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= left.zero()) return;
    const auto whole = std::chrono::floor<std::chrono::seconds>(left);
    const timespec wait{.tv_sec = whole.count(),
                        .tv_nsec = std::chrono::nanoseconds(left - whole).count()};
    if (sigtimedwait(&set, nullptr, &wait) > 0) return;
  }
}

}  // namespace strongroom::modelserver
