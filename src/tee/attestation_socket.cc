#include "tee/attestation_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/packet_socket.h"
#include "tee/attestation_protocol.h"
#include "tee/quote_check.h"

namespace strongroom::tee {
namespace {

constexpr int kAnswerTimeoutSeconds = 30;

Status CheckIsAttestationSocket(int fd) {
  int domain = 0;
  int type = 0;
  socklen_t length = sizeof(domain);
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) {
    return Malformed(fmt::format("descriptor {} is no socket ({}), wanted the attestation socket",
                                 fd, strerror(errno)));
  }
  length = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0)
    return FromErrno(errno, "attestation socket");
  if (domain != AF_UNIX || type != SOCK_SEQPACKET) {
    return Malformed(fmt::format(
        "descriptor {} is a socket of family {} and type {}, wanted AF_UNIX and SOCK_SEQPACKET", fd,
        domain, type));
  }
  return {};
}

// Reads until the other side closes, at most one frame's worth.
Result<SecretBytes> ReadAnswer(int fd) {
  SecretBytes buffer(kMaxAnswerPayloadBytes + 16);
  const auto out = buffer.RevealWritable();
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t n = recv(fd, out.data() + size, out.size() - size, 0);
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return Unavailable(
          fmt::format("attestation socket: no answer within {} s", kAnswerTimeoutSeconds));
    }
    if (n < 0) return Unavailable(fmt::format("attestation socket: {}", strerror(errno)));
    size += static_cast<std::size_t>(n);
  }
  if (size == 0) return Unavailable("attestation socket closed without an answer");
  return SecretBytes(buffer.Reveal().first(size));
}

class AttestationSocket final : public EvidenceSource {
 public:
  explicit AttestationSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  Result<Bytes> Quote(ReportDataView report_data) override {
    QuoteRequest request;
    std::copy(report_data.begin(), report_data.end(), request.report_data.begin());
    ASSIGN_OR_RETURN(const SecretBytes quote, Ask(request));
    RETURN_IF_ERROR(ExpectQuoteOver(quote.Reveal(), report_data));
    return ToBytes(quote.Reveal());
  }

  Result<SecretBytes> SealingKey(SealPolicy policy) override {
    ASSIGN_OR_RETURN(SecretBytes key, Ask(SealingKeyRequest{.policy = policy}));
    if (key.size() != kSealingKeyBytes) {
      return Malformed(
          fmt::format("sealing key of {} bytes, wanted {}", key.size(), kSealingKeyBytes));
    }
    return key;
  }

  std::string Description() const override {
    return fmt::format("attestation socket {}", fd_.get());
  }

 private:
  Result<SecretBytes> Ask(const AttestationRequest& request) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
      return FromErrno(errno, "socketpair");
    const UniqueFd mine(pair[0]);
    UniqueFd theirs(pair[1]);
    const timeval timeout{.tv_sec = kAnswerTimeoutSeconds, .tv_usec = 0};
    if (setsockopt(mine.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0) {
      return FromErrno(errno, "attestation socket time-out");
    }
    if (const Status sent = SendPacket(fd_.get(), SerializeRequest(request), theirs.get()); !sent) {
      return Unavailable(fmt::format("attestation socket: {}; the TEE that started this is gone",
                                     sent.error().message()));
    }
    theirs.Reset();  // so that the end of the answer is seen when the TEE closes its copy
    ASSIGN_OR_RETURN(const SecretBytes frame, ReadAnswer(mine.get()));
    return ParseAnswer(frame.Reveal());
  }

  const UniqueFd fd_;
};

}  // namespace

Result<std::unique_ptr<EvidenceSource>> OpenAttestationSocket(UniqueFd fd) {
  RETURN_IF_ERROR(CheckIsAttestationSocket(fd.get()));
  if (fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) return FromErrno(errno, "attestation socket");
  return std::make_unique<AttestationSocket>(std::move(fd));
}

}  // namespace strongroom::tee
