#include "simtee/testing_bench.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "testing/result_matchers.h"

namespace strongroom::simtee::testing {
namespace {

namespace fs = std::filesystem;

std::string ProgramsFolder() {
  const char* folder = std::getenv("STRONGROOM_BIN");
  if (folder == nullptr)
    ADD_FAILURE() << "STRONGROOM_BIN is not set: run by ctest, or set it to build/<preset>/bin";
  return folder == nullptr ? "" : folder;
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& text : strings) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

Process::Process(const std::vector<std::string>& argv,
                 const std::vector<std::string>& extra_environment,
                 const std::function<void()>& before_exec) {
  int pipes[2];
  EXPECT_EQ(pipe2(pipes, O_CLOEXEC), 0);
  out_ = UniqueFd(pipes[0]);
  const UniqueFd write_end(pipes[1]);
  err_file_ = (fs::temp_directory_path() / "strongroom-err-XXXXXX").string();
  const UniqueFd err(mkostemp(err_file_.data(), O_CLOEXEC));
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin"};
  environment.insert(environment.end(), extra_environment.begin(), extra_environment.end());
  const auto arguments = Pointers(argv);
  const auto variables = Pointers(environment);
  // Not by fork(): with it, a sanitizer's runtime gives the child a thread of its own, and a
  // process with threads may not enter a user namespace, as `before_exec` may want.
  pid_ = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid_ == 0) {
    dup2(write_end.get(), 1);
    dup2(err.get(), 2);
    if (before_exec != nullptr) before_exec();
    execve(arguments[0], arguments.data(), variables.data());
    _exit(127);
  }
}

Process::~Process() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  unlink(err_file_.c_str());
}

std::string Process::ReadLine() {
  std::string line;
  char c = 0;
  while (read(out_.get(), &c, 1) == 1 && c != '\n') line += c;
  return line;
}

Outcome Process::Wait() {
  Outcome outcome;
  std::array<char, 4096> buffer{};
  for (ssize_t n = read(out_.get(), buffer.data(), buffer.size()); n > 0;
       n = read(out_.get(), buffer.data(), buffer.size())) {
    outcome.out.append(buffer.data(), static_cast<std::size_t>(n));
  }
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.err = ReadTextFile(err_file_, 1 << 20).value_or("");
  return outcome;
}

Outcome Run(const std::vector<std::string>& argv,
            const std::vector<std::string>& extra_environment) {
  return Process(argv, extra_environment).Wait();
}

Bench::Bench() : folder_(TemporaryFolder::Make("strongroom-simtee-test").value()) {
  const fs::path built = STRONGROOM_PROBE_FOLDER;
  for (const std::string& path : {probe(), library(), plugin()}) {
    fs::copy_file(built / fs::path(path).filename(), path);
    fs::permissions(path, fs::perms::owner_all);
  }
  std::ofstream(configuration()) << R"({"who": "owner"})";
}

std::string Bench::simtee() { return ProgramsFolder() + "/strongroom-simtee"; }

std::string Bench::state() {
  static const TemporaryFolder folder = TemporaryFolder::Make("strongroom-simtee-state").value();
  return (folder.path() / "state").string();
}

std::string Bench::Describe(const std::string& members, const std::string& name) const {
  const std::string file = (folder() / name).string();
  std::ofstream(file)
      << R"({"format":"strongroom-launch/1","program":"strongroom-probe",)"
      << R"("plugins":["libstrongroom-probe-plugin.so"],"files":["configuration.json"])"
      << (members.empty() ? "" : ",") << members << "}";
  return file;
}

Outcome Bench::Start(const std::vector<std::string>& flags, const std::vector<std::string>& command,
                     const std::vector<std::string>& extra_environment) const {
  std::vector<std::string> argv = {simtee(), "run", "--state", state()};
  argv.insert(argv.end(), flags.begin(), flags.end());
  argv.push_back("--");
  argv.insert(argv.end(), command.begin(), command.end());
  return Run(argv, extra_environment);
}

std::string Bench::MeasurementOf(const std::string& launch_file,
                                 const std::vector<std::string>& flags) const {
  std::vector<std::string> argv = {simtee(), "measure",  "--json",   "--state",
                                   state(),  "--launch", launch_file};
  argv.insert(argv.end(), flags.begin(), flags.end());
  const Outcome outcome = Run(argv);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string key = R"("UniqueID":")";
  const auto at = outcome.out.find(key);
  return at == std::string::npos ? "" : outcome.out.substr(at + key.size(), 64);
}

void FlipByte(const std::string& file, long offset) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  const auto origin = offset < 0 ? std::ios::end : std::ios::beg;
  stream.seekg(offset, origin);
  const int byte = stream.get();
  ASSERT_NE(byte, EOF) << file;
  stream.seekp(offset, origin);
  stream.put(static_cast<char>(byte ^ 1));
}

void FlipHarmlessByte(const std::string& elf_file) {
  constexpr long kIdentPadding = 15;  // e_ident[EI_NIDENT - 1]
  FlipByte(elf_file, kIdentPadding);
}

}  // namespace strongroom::simtee::testing
