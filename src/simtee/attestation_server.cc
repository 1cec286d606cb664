#include "simtee/attestation_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "tee/attestation_protocol.h"

namespace strongroom::simtee {
namespace {

// More descriptors than a request may bring, so that those too many are seen, and closed.
constexpr std::size_t kMaxDescriptors = 8;

struct Packet {
  Bytes bytes;
  std::vector<UniqueFd> descriptors;
  bool truncated = false;
};

void TakeDescriptors(msghdr& message, Packet& packet) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      packet.descriptors.emplace_back(fd);
    }
  }
}

// Nothing when the other side is gone.
std::optional<Packet> Receive(int socket) {
  std::array<std::uint8_t, tee::kMaxRequestBytes + 1> buffer{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxDescriptors)> control{};
  iovec data{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size = 0;
  do {
    size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  Packet packet;
  if (size >= 0) TakeDescriptors(message, packet);
  // A packet without bytes and the end of the socket look alike; who sends none is treated as gone.
  if (size <= 0) return std::nullopt;
  packet.bytes.assign(buffer.begin(), buffer.begin() + size);
  packet.truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  return packet;
}

Result<SecretBytes> AnswerTo(const Packet& packet, const Enclave& enclave) {
  if (packet.truncated || packet.bytes.size() > tee::kMaxRequestBytes)
    return Exhausted("attestation request is too long");
  ASSIGN_OR_RETURN(const tee::AttestationRequest request, tee::ParseRequest(packet.bytes));
  return enclave.Answer(request);
}

// Without waiting: an answer fits into a socket's buffer, and who does not read it must not stop
// the others.
void Send(int channel, ByteView frame) {
  while (!frame.empty()) {
    const ssize_t n = send(channel, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // the asker is gone
    frame = frame.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace

Result<AttestationSocketPair> MakeAttestationSocket() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return FromErrno(errno, "socketpair");
  return AttestationSocketPair{.server = UniqueFd(pair[0]), .workload = UniqueFd(pair[1])};
}

AttestationServer::AttestationServer(UniqueFd socket, const Enclave& enclave, Log& log)
    : socket_(std::move(socket)), enclave_(enclave), log_(log), thread_([this] { Serve(); }) {}

AttestationServer::~AttestationServer() { shutdown(socket_.get(), SHUT_RDWR); }

void AttestationServer::Serve() {
  while (const auto packet = Receive(socket_.get())) {
    const auto answer = AnswerTo(*packet, enclave_);
    if (!answer.has_value())
      log_.Warn("attestation request refused", {{"reason", answer.error().ToString()}});
    if (packet->descriptors.size() != 1) {
      log_.Warn("attestation request without an answer channel");
      continue;
    }
    const SecretBytes frame = tee::SerializeAnswer(answer);
    Send(packet->descriptors.front().get(), frame.Reveal());
  }
}

}  // namespace strongroom::simtee
