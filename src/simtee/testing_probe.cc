// What tests start in a simulated enclave: does one thing and says what came of it. No part of any
// program.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/encoding.h"
#include "simtee/testing_library.h"
#include "tee/detect.h"

extern char** environ;

namespace {

int Say(std::string_view what) {
  std::printf("%.*s\n", static_cast<int>(what.size()), what.data());
  std::fflush(stdout);
  return 0;
}

int Fail(const std::string& what) {
  std::fprintf(stderr, "probe: %s\n", what.c_str());
  return 1;
}

int PrintQuote() {
  const auto source = strongroom::tee::DetectEvidenceSource();
  if (!source.has_value()) return Fail(source.error().ToString());
  std::array<std::uint8_t, 64> data{};
  data[0] = 0xab;
  const auto quote = (*source)->Quote(data);
  return quote.has_value() ? Say(strongroom::HexEncode(*quote)) : Fail(quote.error().ToString());
}

int PrintSealingKey(std::string_view policy) {
  const auto source = strongroom::tee::DetectEvidenceSource();
  if (!source.has_value()) return Fail(source.error().ToString());
  using strongroom::tee::SealPolicy;
  const auto key =
      (*source)->SealingKey(policy == "enclave" ? SealPolicy::kEnclave : SealPolicy::kSigner);
  return key.has_value() ? Say(strongroom::HexEncode(key->Reveal())) : Fail(key.error().ToString());
}

int PrintEnvironment() {
  for (char** variable = environ; *variable != nullptr; ++variable) Say(*variable);
  return 0;
}

int PrintFile(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  std::array<char, 4096> buffer{};
  const ssize_t size = fd < 0 ? -1 : read(fd, buffer.data(), buffer.size());
  if (size < 0) return Fail(std::string(path) + ": " + std::strerror(errno));
  return Say(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
}

int WriteFile(const char* path) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, "x", 1) != 1)
    return Fail(std::string(path) + ": " + std::strerror(errno));
  return Say("written");
}

int OpenPlugin(const char* path) {
  void* plugin = dlopen(path, RTLD_NOW);
  if (plugin == nullptr) return Fail(dlerror());
  using Answer = int (*)();
  const auto answer = reinterpret_cast<Answer>(dlsym(plugin, "strongroom_probe_plugin"));
  return answer == nullptr ? Fail("no symbol") : Say(std::to_string(answer()));
}

int Execute(char** argv) {
  execv(argv[0], argv);
  return Fail(std::string(argv[0]) + ": " + std::strerror(errno));
}

// Copies `from` to `to`, makes it executable and executes it: what an unmeasured program would have
// to do.
int CopyAndExecute(const char* from, const char* to) {
  const int in = open(from, O_RDONLY | O_CLOEXEC);
  const int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
  std::vector<char> buffer(1 << 16);
  for (ssize_t n = read(in, buffer.data(), buffer.size()); n > 0;
       n = read(in, buffer.data(), buffer.size())) {
    if (write(out, buffer.data(), static_cast<std::size_t>(n)) != n) return Fail("copy");
  }
  close(out);
  char* argv[] = {const_cast<char*>(to), const_cast<char*>("echo"), const_cast<char*>("foreign"),
                  nullptr};
  return Execute(argv);
}

// Looks through the writable memory of a process ("self", "parent" or a number) for a text.
int SearchMemory(const std::string& process, const std::string& wanted) {
  const std::string folder = "/proc/" + (process == "parent" ? std::to_string(getppid()) : process);
  std::ifstream maps(folder + "/maps");
  const int memory = open((folder + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (!maps || memory < 0) return Say("denied");
  bool found = false;
  // "55d0c8a00000-55d0c8a21000 rw-p …"
  for (std::string line; std::getline(maps, line);) {
    const auto dash = line.find('-');
    const auto space = line.find(' ');
    const std::uint64_t from = std::stoull(line.substr(0, dash), nullptr, 16);
    const std::uint64_t to = std::stoull(line.substr(dash + 1, space - dash - 1), nullptr, 16);
    if (line.at(space + 2) != 'w' || to - from > (1UL << 30)) continue;
    std::string content(to - from, '\0');
    const ssize_t n = pread(memory, content.data(), content.size(), static_cast<off_t>(from));
    found = found || (n > 0 && content.contains(wanted));
  }
  return Say(found ? "found" : "absent");
}

// Asks for a quote, then starts itself without passing the socket on, which must get none.
int QuoteThenChild(const char* self) {
  const auto source = strongroom::tee::DetectEvidenceSource();
  if (!source.has_value()) return Fail(source.error().ToString());
  const pid_t child = fork();
  if (child == 0) {
    char* argv[] = {const_cast<char*>(self), const_cast<char*>("quote"), nullptr};
    execv(self, argv);
    _exit(9);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return Say("child " + std::to_string(WEXITSTATUS(status)));
}

// Says "ready" and waits for SIGTERM.
int AwaitTermination() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  Say("ready " + std::to_string(getpid()));
  int signal = 0;
  sigwait(&set, &signal);
  return 40;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "quote") return PrintQuote();
  if (what == "seal" && argc > 2) return PrintSealingKey(argv[2]);
  if (what == "environment") return PrintEnvironment();
  if (what == "arguments") {
    for (int i = 0; i < argc; ++i) Say(argv[i]);
    return 0;
  }
  if (what == "read" && argc > 2) return PrintFile(argv[2]);
  if (what == "write" && argc > 2) return WriteFile(argv[2]);
  if (what == "plugin" && argc > 2) return OpenPlugin(argv[2]);
  if (what == "library") return Say(std::to_string(strongroom_probe_library()));
  if (what == "execute" && argc > 2) return Execute(argv + 2);
  if (what == "read-then-execute" && argc > 3)
    return PrintFile(argv[2]) != 0 ? 1 : Execute(argv + 3);
  if (what == "copy-and-execute" && argc > 3) return CopyAndExecute(argv[2], argv[3]);
  if (what == "search-memory" && argc > 4)
    return SearchMemory(argv[2], std::string(argv[3]) + argv[4]);
  if (what == "quote-then-child") return QuoteThenChild(argv[0]);
  if (what == "await-termination") return AwaitTermination();
  if (what == "echo" && argc > 2) return Say(argv[2]);
  if (what == "exit" && argc > 2) return std::stoi(argv[2]);
  if (what == "abort") std::abort();
  return Fail("wanted something to do");
}
