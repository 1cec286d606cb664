#include "agent/handover_pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/secret_message.h"

namespace strongroom::agent {
namespace {

Status OpenPipe(UniqueFd& reader, UniqueFd& writer) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FromErrno(errno, "pipe");
  reader = UniqueFd(ends[0]);
  writer = UniqueFd(ends[1]);
  return {};
}

}  // namespace

Result<std::unique_ptr<HandoverPipe>> HandoverPipe::Open(ByteView message) {
  ASSIGN_OR_RETURN(SecretBytes framed, FrameSecret(message));
  std::unique_ptr<HandoverPipe> out(new HandoverPipe(std::move(framed)));
  RETURN_IF_ERROR(OpenPipe(out->reading_end_, out->writing_end_));
  RETURN_IF_ERROR(OpenPipe(out->stopped_, out->stop_));
  if (fcntl(out->writing_end_.get(), F_SETFL, O_NONBLOCK) != 0) return FromErrno(errno, "pipe");
  return out;
}

void HandoverPipe::Send() {
  // The program's is now the only one, so its end is noticed.
  reading_end_.Reset();
  sender_ = std::jthread([this] { Feed(); });
}

void HandoverPipe::Feed() {
  ByteView left = framed_.Reveal();
  while (!left.empty()) {
    std::array<pollfd, 2> events{pollfd{writing_end_.get(), POLLOUT, 0},
                                 pollfd{stopped_.get(), POLLIN, 0}};
    if (poll(events.data(), events.size(), -1) < 0 && errno != EINTR) break;
    if (events[1].revents != 0) break;
    if (events[0].revents == 0) continue;
    const ssize_t n = write(writing_end_.get(), left.data(), left.size());
    if (n < 0 && errno != EINTR && errno != EAGAIN) break;
    if (n > 0) left = left.subspan(static_cast<std::size_t>(n));
  }
  framed_ = SecretBytes();
  writing_end_.Reset();
}

}  // namespace strongroom::agent
