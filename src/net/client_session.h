#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/session.h"

namespace strongroom::net {

// A request as client sessions send it.
struct OutgoingRequest {
  std::string method = {};
  std::string scheme = {};
  std::string authority = {};
  std::string target = {};
  Headers headers = {};
  Bytes body = {};
  bool send_body_always = false;  // gRPC: a DATA frame even for an empty body
};

struct IncomingResponse {
  int status = 0;
  Headers headers = {};
  Buffer body = {};
  Headers trailers = {};
};

struct ClientLimits {
  std::size_t max_header_bytes = 64 * 1024;
  std::size_t max_header_count = 200;
  std::size_t max_body_bytes = 8 << 20;
  std::size_t lead = 0;  // of the body's buffer
};

// The client's side of a protocol. On the connection's thread.
class ClientSession : public Session {
 public:
  // How far a call came that has no answer: the server certainly did not look at it; it may have,
  // but not a byte of an answer came; there was something of one.
  enum class Reach : std::uint8_t { kUntouched, kUnanswered, kAnswered };
  // Called once, on the session's thread, unless the call was cancelled.
  struct Outcome {
    Result<IncomingResponse> response;
    Reach reach = Reach::kAnswered;
  };
  using Then = std::function<void(Outcome)>;

  // Returns the call's number. HTTP/1.1: calls wait for each other.
  virtual std::uint64_t Submit(OutgoingRequest request, Then then) = 0;
  // Nobody waits any more: tells the server where the protocol can. HTTP/1.1 closes the connection.
  virtual void Cancel(std::uint64_t call) = 0;
  // Whether a new call may be submitted.
  virtual bool usable() const = 0;
};

std::shared_ptr<ClientSession> MakeHttp1ClientSession(std::shared_ptr<SessionHost> host,
                                                      ClientLimits limits);
std::shared_ptr<ClientSession> MakeHttp2ClientSession(std::shared_ptr<SessionHost> host,
                                                      ClientLimits limits);

}  // namespace strongroom::net
