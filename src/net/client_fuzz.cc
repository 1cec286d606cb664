// Bytes of a hostile server to both client sessions, which have a GET and two gRPC calls on the
// way. The first byte chooses the protocol and how the rest is cut.

#include <algorithm>
#include <array>
#include <cstdlib>

#include "net/client_session.h"
#include "net/grpc_call.h"
#include "net/grpc_codec.h"
#include "net/session_testing.h"

namespace strongroom::net {
namespace {

constexpr std::size_t kMaxBody = 4096;
constexpr std::size_t kMaxMessage = kMaxBody - kGrpcPrefix;
constexpr ClientLimits kLimits{.max_header_bytes = 2048,
                               .max_header_count = 20,
                               .max_body_bytes = kMaxBody,
                               .lead = kGrpcPrefix};

void Require(bool holds) {
  if (!holds) std::abort();
}

std::size_t HeaderBytes(const Headers& headers) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : headers) bytes += name.size() + value.size();
  return bytes;
}

// Whatever is called an answer keeps the limits and can be asked for its gRPC status.
void CheckOutcome(ClientSession::Outcome outcome) {
  if (!outcome.response) return;
  Require(outcome.reach == ClientSession::Reach::kAnswered);
  const IncomingResponse& response = *outcome.response;
  Require(response.body.size() <= kMaxBody);
  Require(response.headers.size() + response.trailers.size() <= 2 * kLimits.max_header_count);
  Require(HeaderBytes(response.headers) <= kLimits.max_header_bytes);
  const auto read = ReadGrpcOutcome(*std::move(outcome.response), kMaxMessage);
  if (read) Require(read->reply.size() <= kMaxMessage);
}

class Client {
 public:
  explicit Client(bool http2)
      : session_(http2 ? MakeHttp2ClientSession(host_, kLimits)
                       : MakeHttp1ClientSession(host_, kLimits)) {
    Submit({.method = "GET", .scheme = "http", .authority = "a", .target = "/"});
    const Bytes message(3, 'm');
    for (int i = 0; i < 2; ++i)
      Submit(FrameGrpcCall("a", false, "/s/M", message, {.gzip = i == 1}).value());
  }

  void Receive(ByteView bytes) {
    session_->Receive(bytes);
    Send();
  }
  void End() {
    session_->ReceiveEnd();
    Send();
  }
  void CancelLast() {
    if (numbers_.back() != 0 && answers_.back() == 0) {
      session_->Cancel(numbers_.back());
      cancelled_ = true;
      Send();
    }
  }
  bool Done() const { return session_->Done(); }

  // Everyone has heard once, but who gave up.
  void Close() {
    session_->Abandon(Error(Code::kUnavailable, "the end"));
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      const bool gave_up = cancelled_ && i + 1 == answers_.size();
      Require(answers_[i] == (gave_up ? 0 : 1));
    }
  }

 private:
  void Submit(OutgoingRequest request) {
    const std::size_t which = submitted_++;
    numbers_[which] = session_->Submit(std::move(request), [this, which](auto outcome) {
      ++answers_[which];
      CheckOutcome(std::move(outcome));
    });
  }

  void Send() {
    host_->RunTasks();
    for (;;) {
      Buffer some;
      session_->Produce(some, 64 * 1024);
      if (some.empty()) return;
    }
  }

  std::array<int, 3> answers_ = {};
  std::array<std::uint64_t, 3> numbers_ = {};
  std::size_t submitted_ = 0;
  bool cancelled_ = false;
  const std::shared_ptr<FakeHost> host_ = std::make_shared<FakeHost>();
  const std::shared_ptr<ClientSession> session_;
};

void Run(ByteView input) {
  if (input.empty()) return;
  const std::uint8_t choice = input[0];
  ByteView rest = input.subspan(1);
  const bool http2 = (choice & 1) != 0;
  Client client(http2);
  if (http2 && (choice & 2) != 0) client.Receive(AsBytes(Encode({kSettingsFrame, 0, 0, ""})));
  const std::size_t step = (choice & 4) != 0 ? 1 + (choice >> 5) : rest.size() + 1;
  while (!rest.empty() && !client.Done()) {
    const std::size_t n = std::min(step, rest.size());
    client.Receive(rest.first(n));
    rest = rest.subspan(n);
  }
  if ((choice & 8) != 0) client.CancelLast();
  if ((choice & 16) != 0 && !client.Done()) client.End();
  client.Close();
}

}  // namespace
}  // namespace strongroom::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  strongroom::net::Run({data, size});
  return 0;
}
