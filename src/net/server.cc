#include "net/server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>

#include "base/cpus.h"
#include "base/guarded.h"
#include "net/address.h"
#include "net/connection.h"
#include "net/http1_session.h"
#include "net/http2_session.h"
#include "net/request_observer.h"

namespace strongroom::net {
namespace {

constexpr int kBacklog = 1024;
constexpr Milliseconds kAcceptPause{50};  // when the process has no descriptors left

// A loop, its thread and the connections that live on it.
struct LoopThread {
  std::shared_ptr<EventLoop> loop = EventLoop::Make();
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections;  // on the loop's thread
  std::atomic<std::size_t> load{0};
  std::jthread thread;
};

// One listener at run time.
struct Port {
  Port(Listener&& listener, UniqueFd fd, std::uint16_t bound_to)
      : name(listener.name),
        on_closed(std::move(listener.on_closed)),
        dispatcher(listener.router, listener.grpc_services),
        socket_fd(std::move(fd)),
        number(bound_to) {}

  std::string name;
  std::function<void(const ConnectionInfo&)> on_closed;
  Dispatcher dispatcher;
  Guarded<std::shared_ptr<const TlsContext>>
      tls;  // null: plaintext; replaced while connections use the old one
  Guarded<std::optional<TlsServerOptions>> tls_options;
  std::unique_ptr<RequestObserver> observer;
  std::unique_ptr<ServerContext> context;
  UniqueFd socket_fd;
  std::unique_ptr<LoopSocket> socket;  // on the first loop
  std::uint16_t number;
};

// How many connections there are, in all and from each address.
class ConnectionCounts {
 public:
  bool Enter(const std::string& address, const Limits& limits) {
    return counts_.With([&](Counts& c) {
      std::size_t& here = c.by_address[address];
      if (c.total >= limits.max_connections || here >= limits.max_connections_per_address) {
        if (here == 0) c.by_address.erase(address);
        return false;
      }
      ++here;
      ++c.total;
      return true;
    });
  }
  void Leave(const std::string& address) {
    counts_.With([&](Counts& c) {
      if (--c.by_address[address] == 0) c.by_address.erase(address);
      --c.total;
    });
  }

 private:
  struct Counts {
    std::size_t total = 0;
    std::map<std::string, std::size_t> by_address;
  };
  Guarded<Counts> counts_;
};

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(ServerOptions options)
      : options_(std::move(options)),
        bodies_(std::make_shared<MemoryBudget>(options_.limits.max_buffered_bytes)) {}
  ~ServerImpl() override { Stop(); }

  Status Open();
  std::uint16_t port(std::size_t index) const override { return ports_.at(index)->number; }
  Status SetTls(std::size_t index, TlsServerOptions options) override;
  Status SetCertificate(std::size_t index, Credentials credentials) override;
  void Stop() override;

 private:
  Status OpenPort(Listener listener);
  void WaitForConnections(Port& port);
  void Accept(Port& port);
  void Admit(Port& port, UniqueFd fd, const SocketAddress& remote);
  void Serve(LoopThread& home, Port& port, UniqueFd fd, const SocketAddress& remote);
  void Closed(LoopThread& home, Connection* connection, const std::string& address);
  LoopThread& LeastLoaded();
  Milliseconds NextMaxAge();
  template <class F>
  void OnEveryLoop(F task);

  ServerOptions options_;
  std::shared_ptr<MemoryBudget> bodies_;
  std::unique_ptr<WorkerPool> workers_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<std::unique_ptr<LoopThread>> loops_;
  ConnectionCounts counts_;
  std::mutex mutex_;
  std::condition_variable all_closed_;
  std::size_t open_ = 0;  // connections, guarded by mutex_
  std::once_flag stopped_;
  std::atomic<bool> draining_{false};
  std::atomic<unsigned> opened_{0};
};

Status ServerImpl::Open() {
  const int cpus = AllowedCpus().cpus;
  if (options_.listeners.empty())
    return Malformed("a server without listeners, wanted at least one");
  const int workers = options_.workers > 0 ? options_.workers : std::max(4, 2 * cpus);
  Gauge* in_flight =
      options_.metrics == nullptr
          ? nullptr
          : &options_.metrics->GaugeOf("strongroom_http_requests_in_flight",
                                       "Requests that wait for a worker or are worked on.");
  workers_ = std::make_unique<WorkerPool>(workers, options_.limits.max_queued_requests, in_flight);
  for (Listener& listener : options_.listeners) RETURN_IF_ERROR(OpenPort(std::move(listener)));
  const int count = options_.event_loops > 0 ? options_.event_loops : cpus;
  for (int i = 0; i < count; ++i) loops_.push_back(std::make_unique<LoopThread>());
  for (auto& port : ports_) {
    port->socket = loops_.front()->loop->Adopt(std::move(port->socket_fd));
    WaitForConnections(*port);
  }
  for (auto& home : loops_) {
    home->thread = std::jthread([loop = home->loop] { loop->Run(); });
  }
  return {};
}

Status ServerImpl::OpenPort(Listener listener) {
  ASSIGN_OR_RETURN(const SocketAddress address, SocketAddress::Parse(listener.address));
  ASSIGN_OR_RETURN(UniqueFd fd, ListenOn(address, kBacklog));
  ASSIGN_OR_RETURN(const SocketAddress bound, LocalAddress(fd.get()));
  std::shared_ptr<const TlsContext> tls;
  if (listener.tls) {
    ASSIGN_OR_RETURN(tls, TlsContext::ForServer(*listener.tls));
  }
  auto tls_options = std::move(listener.tls);
  auto port = std::make_unique<Port>(std::move(listener), std::move(fd), bound.port());
  port->tls.With([&](auto& current) { current = std::move(tls); });
  port->tls_options.With([&](auto& current) { current = std::move(tls_options); });
  port->observer =
      std::make_unique<RequestObserver>(port->name, options_.access_log, options_.metrics);
  port->context = std::make_unique<ServerContext>(
      ServerContext{.dispatcher = port->dispatcher,
                    .limits = options_.limits,
                    .workers = workers_.get(),
                    .bodies = bodies_,
                    .observe = [observer = port->observer.get()](const RequestRecord& record) {
                      observer->Observe(record);
                    }});
  ports_.push_back(std::move(port));
  return {};
}

void ServerImpl::WaitForConnections(Port& port) {
  port.socket->WaitReadable([this, &port] { Accept(port); });
}

void ServerImpl::Accept(Port& port) {
  if (draining_) return;
  constexpr int kAtOnce = 64;
  for (int i = 0; i < kAtOnce; ++i) {
    SocketAddress remote;
    auto fd = AcceptOn(port.socket->fd(), remote);
    if (!fd && fd.error().code() == Code::kExhausted) {
      port.observer->Refused("descriptors");
      port.socket->WaitUntil(std::chrono::steady_clock::now() + kAcceptPause,
                             [this, &port] { WaitForConnections(port); });
      return;
    }
    if (!fd) break;
    Admit(port, *std::move(fd), remote);
  }
  WaitForConnections(port);
}

void ServerImpl::Admit(Port& port, UniqueFd fd, const SocketAddress& remote) {
  if (!counts_.Enter(remote.host(), options_.limits)) {
    port.observer->Refused("connections");
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    ++open_;
  }
  LoopThread& home = LeastLoaded();
  ++home.load;
  if (home.loop->OnThisThread()) return Serve(home, port, std::move(fd), remote);
  home.loop->Post([this, &home, &port, fd = std::move(fd), remote]() mutable {
    Serve(home, port, std::move(fd), remote);
  });
}

LoopThread& ServerImpl::LeastLoaded() {
  return **std::ranges::min_element(loops_, {}, [](const auto& home) { return home->load.load(); });
}

// Nine tenths to eleven tenths of the limit, in turn: those who came together do not come back
// together.
Milliseconds ServerImpl::NextMaxAge() {
  constexpr unsigned kSteps = 21;
  const unsigned step = opened_++ * 8 % kSteps;  // 8 and 21 share no factor: every step in turn
  return options_.limits.max_connection_age * (90 + step) / 100;
}

void ServerImpl::Serve(LoopThread& home, Port& port, UniqueFd fd, const SocketAddress& remote) {
  const std::string address = remote.host();
  const auto tls = port.tls.With([](const auto& current) { return current; });
  const auto local = LocalAddress(fd.get());
  auto transport = tls ? tls->NewTransport(fd.get(), {})
                       : Result<std::unique_ptr<Transport>>(MakePlainTransport(fd.get()));
  if (draining_ || !transport || !local) return Closed(home, nullptr, address);
  ConnectionOptions options{
      .transport = *std::move(transport),
      .tls = tls,
      .is_server = true,
      .remote_address = remote.ToString(),
      .local_address = local->ToString(),
      .make_session =
          [context = port.context.get()](const auto& host, const auto& info, bool http2) {
            return http2 ? MakeHttp2ServerSession(*context, host, info)
                         : MakeHttp1ServerSession(*context, host, info);
          },
      .handshake_timeout = options_.limits.handshake_timeout,
      .write_timeout = options_.limits.write_timeout,
      .max_age = NextMaxAge()};
  // The connection's key in the map is known only after it was opened, which may close it at once.
  const auto key = std::make_shared<Connection*>(nullptr);
  const auto closed = std::make_shared<bool>(false);
  options.on_closed = [this, &home, &port, key, closed, address](const std::optional<Error>& why,
                                                                 const ConnectionInfo& info) {
    *closed = true;
    if (port.on_closed) port.on_closed(info);
    port.observer->Closed(why);
    Closed(home, *key, address);
  };
  port.observer->Opened();
  const auto connection = Connection::Open(home.loop, std::move(fd), std::move(options));
  if (*closed) return;
  *key = connection.get();
  home.connections.emplace(connection.get(), connection);
}

void ServerImpl::Closed(LoopThread& home, Connection* connection, const std::string& address) {
  if (connection != nullptr) home.connections.erase(connection);
  --home.load;
  counts_.Leave(address);
  const std::lock_guard lock(mutex_);
  if (--open_ == 0) all_closed_.notify_all();
}

Status ServerImpl::SetTls(std::size_t index, TlsServerOptions options) {
  Port& port = *ports_.at(index);
  ASSIGN_OR_RETURN(auto tls, TlsContext::ForServer(options));
  if (!port.tls.With([](const auto& current) { return current != nullptr; })) {
    return Precondition("the listener serves plaintext, wanted one that was started with TLS");
  }
  port.tls_options.With([&](auto& current) { current = std::move(options); });
  port.tls.With([&](auto& current) { std::swap(current, tls); });
  return {};
}

Status ServerImpl::SetCertificate(std::size_t index, Credentials credentials) {
  auto options = ports_.at(index)->tls_options.With([](const auto& current) { return current; });
  if (!options)
    return Precondition("the listener serves plaintext, wanted one that was started with TLS");
  options->credentials = std::move(credentials);
  return SetTls(index, *std::move(options));
}

template <class F>
void ServerImpl::OnEveryLoop(F task) {
  for (auto& home : loops_) {
    home->loop->Post([task, &home = *home] { task(home); });
  }
}

void ServerImpl::Stop() {
  std::call_once(stopped_, [this] {
    draining_ = true;
    if (!loops_.empty()) {
      loops_.front()->loop->Post([this] {
        for (auto& port : ports_) port->socket.reset();
      });
    }
    const auto every_connection = [](LoopThread& home, auto act) {
      std::vector<std::shared_ptr<Connection>> all;
      for (const auto& [key, connection] : home.connections) all.push_back(connection);
      for (const auto& connection : all) act(*connection);
    };
    OnEveryLoop([every_connection](LoopThread& home) {
      every_connection(home, [](Connection& c) { c.Drain(); });
    });
    const auto none_open = [this] { return open_ == 0; };
    std::unique_lock lock(mutex_);
    if (!all_closed_.wait_for(lock, options_.drain_timeout, none_open)) {
      OnEveryLoop([every_connection](LoopThread& home) {
        every_connection(home, [](Connection& c) {
          c.Close(Error(Code::kCancelled, "the server is stopping"));
        });
      });
      all_closed_.wait(lock, none_open);
    }
    lock.unlock();
    workers_.reset();
    for (auto& home : loops_) home->loop->Stop();
    for (auto& home : loops_) home->thread = {};
    loops_.clear();  // and with them the last connections, which look into their port
    ports_.clear();
  });
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options) {
  auto server = std::make_unique<ServerImpl>(std::move(options));
  RETURN_IF_ERROR(server->Open());
  return server;
}

}  // namespace strongroom::net
