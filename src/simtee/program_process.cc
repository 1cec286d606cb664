#include "simtee/program_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/packet_socket.h"

namespace strongroom::simtee {
namespace {

constexpr int kReportFd = 4;
constexpr std::size_t kMaxReport = 4096;

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& text : strings) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// Leaves the standard streams, the attestation socket and, until exec, the report, whose number
// changes.
bool ArrangeDescriptors(const UniqueFd& attestation_socket, int& report) {
  const int kept = fcntl(report, F_DUPFD_CLOEXEC, kReportFd + 1);
  if (kept < 0) return false;
  if (attestation_socket.valid()) {
    const int socket = fcntl(attestation_socket.get(), F_DUPFD, kReportFd + 1);
    if (socket < 0 || dup2(socket, kAttestationFd) < 0) return false;
  } else {
    close(kAttestationFd);
  }
  report = dup3(kept, kReportFd, O_CLOEXEC);
  return report >= 0 && close_range(kReportFd + 1, ~0U, 0) == 0;
}

}  // namespace

void SendReport(int fd, const std::string& text, int passed) {
  if (!SendPacket(fd, AsBytes(text), passed).has_value()) _exit(kExitNotStarted);
}

Result<Report> ReceiveReport(int fd) {
  ASSIGN_OR_RETURN(Packet packet,
                   In("report of the workload's first process", ReceivePacket(fd, kMaxReport)));
  Report report{.text = ToText(packet.bytes), .passed = {}};
  if (!packet.descriptors.empty()) report.passed = std::move(packet.descriptors.front());
  return report;
}

void ExecuteProgram(const ProgramStart& start, int report, const sigset_t& mask) {
  const std::vector<char*> argv = Pointers(start.argv);
  const std::vector<char*> environment = Pointers(start.environment);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  if (setrlimit(RLIMIT_CORE, &no_core) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
      ArrangeDescriptors(start.attestation_socket, report)) {
    execve(start.program.c_str(), argv.data(), environment.data());
  }
  SendReport(report, fmt::format("failed {}: {}", start.program, strerror(errno)));
  _exit(kExitNotStarted);
}

}  // namespace strongroom::simtee
