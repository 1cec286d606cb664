#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/dispatcher.h"
#include "net/session.h"
#include "net/worker_pool.h"

namespace strongroom::net {

// What one request was, for the access log and the metrics.
struct RequestRecord {
  std::string method = {};
  std::string target = {};
  std::string_view route = "none";
  std::string_view protocol = "http/1.1";
  int status = 0;  // 499: the client went away
  std::string grpc_status = {};
  std::chrono::nanoseconds took{0};
  std::size_t bytes_in = 0;
  std::size_t bytes_out = 0;
  std::shared_ptr<const ConnectionInfo> connection = nullptr;
};

// What all sessions of a listener share. Immutable but for the counters; outlives them.
struct ServerContext {
  const Dispatcher& dispatcher;
  const Limits& limits;
  WorkerPool* workers;                   // null: handlers run on the loop (tests of sessions)
  std::shared_ptr<MemoryBudget> bodies;  // of requests to the whole server
  std::function<void(const RequestRecord&)> observe;  // null: nobody

  // What the bodies of one connection's requests may take of `bodies`.
  std::shared_ptr<MemoryBudget> ConnectionShare() const {
    return std::make_shared<MemoryBudget>(limits.max_buffered_bytes_per_connection, bodies);
  }
};

// A response as sessions send it: header values hold no line breaks.
struct Answer {
  Response response = {};
  bool grpc = false;
};

// One request of a server from its head to its answer: routes it, gathers its body within the
// limits, hands it to its handler and keeps its deadline. Protocols differ only in how they carry
// it. One thread, but for `deliver`.
class Exchange {
 public:
  // Called once on the session's thread.
  using Deliver = std::function<void(Response)>;

  // `bodies` is the connection's share of the server's.
  Exchange(const ServerContext& context, std::shared_ptr<SessionHost> host,
           std::shared_ptr<MemoryBudget> bodies, Request head);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Each gives the answer when there is one already: then the body is not wanted any more.
  std::optional<Response> Begin(std::optional<std::uint64_t> content_length);
  // Where up to `wanted` more bytes of the body can be put before they are given to OnBody; empty
  // where its memory has no room yet.
  std::span<std::uint8_t> BodyPlace(std::size_t wanted);
  std::optional<Response> OnBody(ByteView bytes);
  // The request is complete: calls the handler. `deliver` is called on the session's thread, maybe
  // before this returns.
  std::optional<Response> OnEnd(Deliver deliver);

  // When OnTime must look.
  SteadyTime Deadline() const;
  std::optional<Response> OnTime();

  // An answer was chosen; nothing but Finish follows.
  void Answered(const Response& response);
  // Nobody waits for an answer any more.
  void Cancel();
  // Tells the observer, once.
  void Finish();

  bool grpc() const { return plan_.grpc; }
  bool answered() const { return answered_; }
  bool head_only() const { return record_.method == "HEAD"; }

 private:
  Response Fail(Code code, int http_status, std::string_view message);
  bool MakeRoom(std::size_t size);
  void KeepUp(std::size_t bytes);
  std::chrono::nanoseconds TimeFor(std::size_t bytes) const;

  const ServerContext& context_;
  std::shared_ptr<SessionHost> host_;  // shared: answers outlive connections
  std::shared_ptr<MemoryBudget> bodies_;
  Request request_;
  Plan plan_;
  CancelToken cancel_;
  SteadyTime began_;
  SteadyTime body_due_;  // when the body, or more of it, must be there
  SteadyTime deadline_;
  std::size_t announced_ = 0;  // of the body, by its header or its gRPC prefix
  std::size_t received_ = 0;
  bool complete_ = false;
  bool answered_ = false;
  bool finished_ = false;
  RequestRecord record_;
};

// Replaces what would break a header line.
void CleanHeaders(Headers& headers);

}  // namespace strongroom::net
