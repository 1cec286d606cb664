#include "simtee/attestation_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/packet_socket.h"
#include "tee/attestation_protocol.h"

namespace strongroom::simtee {
namespace {

// One byte more than a request may have, so that longer ones are seen.
constexpr std::size_t kMaxPacketBytes = tee::kMaxRequestBytes + 1;

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
  for (;;) {
    const auto packet = ReceivePacket(socket_.get(), kMaxPacketBytes);
    // Who sends a packet without bytes is treated as gone.
    if (!packet || packet->bytes.empty()) return;
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
