#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "net/buffer.h"
#include "net/tls.h"

namespace strongroom::net {

using SteadyTime = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;

// Header fields in order. Names are lower case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void Add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  void Set(std::string_view name, std::string value);
  void Remove(std::string_view name);

  // The first field of that name.
  std::optional<std::string_view> Get(std::string_view name) const;
  std::size_t size() const { return fields_.size(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Says whether something is still wanted: false turns into true, once. For a request's answer when
// the client goes away or resets the stream, or the deadline passes. Any thread.
class CancelToken {
 public:
  CancelToken() : cancelled_(std::make_shared<std::atomic<bool>>(false)) {}
  bool cancelled() const { return cancelled_->load(std::memory_order_relaxed); }
  void Cancel() { cancelled_->store(true, std::memory_order_relaxed); }

 private:
  std::shared_ptr<std::atomic<bool>>
      cancelled_;  // shared by the stream and by whoever works for it
};

// The connection a request came on. Lives as long as anyone holds it, also after the connection is
// gone.
struct ConnectionInfo {
  std::uint64_t id = 0;             // unique in this process, never reused: bind nonces to it
  std::string remote_address = {};  // "127.0.0.1:40112", "[::1]:40112"
  std::string local_address = {};
  TlsPeer tls = {};         // version kNone: plaintext
  CancelToken closed = {};  // turns before the listener's on_closed is called

  // The client's leaf certificate (DER), null when it presented none.
  const Bytes* peer_certificate() const {
    return tls.certificate_chain.empty() ? nullptr : &tls.certificate_chain.front();
  }
};

struct Request {
  std::string method = {};  // "GET"
  std::string path = {};    // percent-decoded, without the query; "/api/v2/status"
  std::string target = {};  // as received
  std::vector<std::pair<std::string, std::string>> query = {};  // decoded, in order
  std::vector<std::pair<std::string, std::string>> params =
      {};                // what {name}s of the route matched
  Headers headers = {};  // `host` holds HTTP/2's :authority
  Buffer body = {};
  std::shared_ptr<const ConnectionInfo> connection = {};
  std::optional<SteadyTime> deadline = std::nullopt;
  CancelToken cancel = {};
  int http_major = 1;  // 1 or 2

  std::optional<std::string_view> Param(std::string_view name) const;
  // The first value of that name.
  std::optional<std::string_view> Query(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers = {};          // content-length and connection handling are the server's
  std::string body_prefix = {};  // sent before the body: framing
  Bytes body = {};
  Headers trailers = {};  // HTTP/2 only; dropped on HTTP/1.1

  static Response Text(int status, std::string_view text);  // text/plain; charset=utf-8
  static Response Json(int status, std::string_view json);  // application/json
};

// The right to answer one request, once, from any thread. Dropped without an answer, the client
// gets 500.
class Responder {
 public:
  // Called at most once, on the thread that answers.
  using Deliver = std::function<void(Response)>;

  Responder(Deliver deliver, Response if_dropped);
  Responder(Responder&& other) noexcept;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();

  // Further calls do nothing.
  void Send(Response response);

 private:
  void Drop();
  Deliver deliver_;
  Response if_dropped_;
};

// Answers at once or later, from any thread. Never throws.
using AsyncHandler = std::function<void(Request request, Responder responder)>;
using SyncHandler = std::function<Response(const Request& request)>;

// Where a handler runs.
enum class RunOn : std::uint8_t {
  kWorkers,  // the server's worker pool: it may block or compute
  kLoop,     // the connection's event loop: it must return within microseconds
};

}  // namespace strongroom::net
