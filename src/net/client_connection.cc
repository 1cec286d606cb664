#include "net/client_connection.h"

#include <condition_variable>

#include <fmt/format.h>

namespace strongroom::net {
namespace {

constexpr Milliseconds kForever{std::chrono::hours(24 * 365)};

// Where a caller sleeps until the loop has an answer.
template <class T>
class Mailbox {
 public:
  void Put(T value) {
    {
      const std::lock_guard lock(mutex_);
      if (!value_) value_ = std::move(value);
    }
    filled_.notify_all();
  }
  std::optional<T> Wait(SteadyTime deadline) {
    std::unique_lock lock(mutex_);
    filled_.wait_until(lock, deadline, [this] { return value_.has_value(); });
    return std::exchange(value_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::optional<T> value_;
};

}  // namespace

// What the caller's threads and the loop both hold; the parts below the line are the loop's alone.
struct ClientConnection::Shared {
  Mailbox<Result<std::shared_ptr<const ConnectionInfo>>> opened;
  std::mutex mutex;
  std::optional<Error> closed;  // guarded by mutex
  bool usable = true;           // guarded by mutex

  std::shared_ptr<Connection> connection;
  std::shared_ptr<ClientSession> session;

  void OnClosed(const std::optional<Error>& why) {
    const Error error = why.value_or(Error(Code::kUnavailable, "the server closed the connection"));
    {
      const std::lock_guard lock(mutex);
      closed = error;
      usable = false;
    }
    opened.Put(std::unexpected(error));
    session.reset();
    connection.reset();
  }
  void NoteUsable() {
    const bool now = session != nullptr && session->usable();
    const std::lock_guard lock(mutex);
    usable = now;
  }
};

ClientLoop::ClientLoop() : loop_(EventLoop::Make()), thread_([loop = loop_] { loop->Run(); }) {}

ClientLoop::~ClientLoop() { loop_->Stop(); }

Result<std::shared_ptr<ClientConnection>> ClientConnection::Open(
    const std::shared_ptr<EventLoop>& loop, Options options, SteadyTime deadline) {
  ASSIGN_OR_RETURN(UniqueFd fd, ConnectTo(options.target, deadline));
  const std::string host = options.server_name.empty() ? options.target.host : options.server_name;
  ASSIGN_OR_RETURN(auto transport,
                   options.tls ? options.tls->NewTransport(fd.get(), host)
                               : Result<std::unique_ptr<Transport>>(MakePlainTransport(fd.get())));
  ASSIGN_OR_RETURN(const SocketAddress local, LocalAddress(fd.get()));
  const auto remote = RemoteAddress(fd.get());
  const auto shared = std::make_shared<Shared>();
  const bool force_http2 = options.http2_without_tls;
  const bool plain = options.tls == nullptr;
  ConnectionOptions wired{
      .transport = std::move(transport),
      .tls = options.tls,
      .is_server = false,
      .remote_address = remote ? remote->ToString()
                               : fmt::format("{}:{}", options.target.host, options.target.port),
      .local_address = local.ToString(),
      .make_session = [shared, limits = options.limits, plain, force_http2](
                          const auto& session_host, const auto& info,
                          bool http2) -> std::shared_ptr<Session> {
        const bool use_http2 = plain ? force_http2 : http2;
        shared->session = use_http2 ? MakeHttp2ClientSession(session_host, limits)
                                    : MakeHttp1ClientSession(session_host, limits);
        shared->opened.Put(info);
        return shared->session;
      },
      .handshake_timeout =
          std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now()),
      .write_timeout = kForever,  // callers have deadlines
      .on_closed = [shared](const auto& why, const auto&) { shared->OnClosed(why); }};
  auto carried =
      std::make_shared<std::pair<UniqueFd, ConnectionOptions>>(std::move(fd), std::move(wired));
  loop->Post([loop, shared, carried] {
    auto connection = Connection::Open(loop, std::move(carried->first), std::move(carried->second));
    const std::lock_guard lock(shared->mutex);
    if (!shared->closed) shared->connection = std::move(connection);
  });
  auto client = std::shared_ptr<ClientConnection>(new ClientConnection(loop, shared));
  auto opened = shared->opened.Wait(deadline);
  if (!opened)
    return DeadlineExceeded(fmt::format("no TLS connection to {}:{} in time", options.target.host,
                                        options.target.port));
  if (!*opened)
    return std::unexpected(
        opened->error().In(fmt::format("{}:{}", options.target.host, options.target.port)));
  client->info_ = **opened;
  return client;
}

ClientConnection::~ClientConnection() { Close(); }

void ClientConnection::Close() {
  loop_->Post([shared = shared_] {
    if (const auto connection = shared->connection)
      connection->Close(Error(Code::kCancelled, "the client closed the connection"));
  });
}

bool ClientConnection::alive() const {
  const std::lock_guard lock(shared_->mutex);
  return !shared_->closed && shared_->usable;
}

ClientSession::Outcome ClientConnection::Call(OutgoingRequest request, SteadyTime deadline) {
  const auto box = std::make_shared<Mailbox<ClientSession::Outcome>>();
  const auto number = std::make_shared<std::uint64_t>(0);  // the loop's
  auto carried = std::make_shared<OutgoingRequest>(std::move(request));
  loop_->Post([shared = shared_, box, number, carried] {
    if (shared->session == nullptr) {
      const std::lock_guard lock(shared->mutex);
      return box->Put({std::unexpected(shared->closed.value_or(
                           Error(Code::kUnavailable, "the connection is closed"))),
                       ClientSession::Reach::kUntouched});
    }
    *number =
        shared->session->Submit(std::move(*carried), [shared, box](ClientSession::Outcome outcome) {
          shared->NoteUsable();
          box->Put(std::move(outcome));
        });
  });
  auto outcome = box->Wait(deadline);
  if (outcome) return *std::move(outcome);
  loop_->Post([shared = shared_, number] {
    if (shared->session != nullptr && *number != 0) shared->session->Cancel(*number);
  });
  return {DeadlineExceeded("no answer in time")};
}

}  // namespace strongroom::net
