#include "coordinator/api/front_ends.h"

#include <utility>

#include "coordinator/api/client_api.h"
#include "coordinator/api/mesh_api.h"
#include "net/server.h"
#include "ratls/activation_binding.h"

namespace strongroom::coordinator {
namespace {

constexpr std::size_t kClient = 0;
constexpr std::size_t kMesh = 1;
constexpr std::size_t kMetrics = 2;

class RunningFrontEnds final : public FrontEnds {
 public:
  RunningFrontEnds(std::unique_ptr<ClientApi> api, std::unique_ptr<net::Server> server,
                   bool has_metrics)
      : api_(std::move(api)), server_(std::move(server)), has_metrics_(has_metrics) {}

  std::uint16_t client_port() const override { return server_->port(kClient); }
  std::uint16_t mesh_port() const override { return server_->port(kMesh); }
  std::uint16_t metrics_port() const override { return has_metrics_ ? server_->port(kMetrics) : 0; }
  void Stop() override { server_->Stop(); }

 private:
  std::unique_ptr<ClientApi> api_;  // outlives the server, whose handlers use it
  std::unique_ptr<net::Server> server_;
  bool has_metrics_;
};

Result<net::TlsServerOptions> Shows(const crypto::Certificate& certificate,
                                    const crypto::PrivateKey& key) {
  ASSIGN_OR_RETURN(net::Credentials credentials,
                   net::Credentials::FromDer({ToBytes(certificate.der())}, key.Pkcs8Der()));
  return net::TlsServerOptions{.credentials = std::move(credentials),
                               .client_certificate = net::ClientCertificate::kOptional};
}

Result<net::Listener> ClientListener(const Hierarchy& authorities, std::string address,
                                     ClientApi& api) {
  ASSIGN_OR_RETURN(net::TlsServerOptions tls, Shows(authorities.root, authorities.root_key));
  auto router = std::make_shared<net::Router>();
  api.Register(*router);
  return net::Listener{.address = std::move(address),
                       .tls = std::move(tls),
                       .router = std::move(router),
                       .name = "client"};
}

Result<net::Listener> MeshListener(Coordinator& core, std::string address) {
  const Hierarchy& authorities = core.authorities();
  ASSIGN_OR_RETURN(net::TlsServerOptions tls, Shows(authorities.marble_root, authorities.mesh_key));
  tls.exporter_labels = {std::string(ratls::kExporterLabel)};
  return net::Listener{.address = std::move(address),
                       .tls = std::move(tls),
                       .grpc_services = {MakeMeshService(core), MakeMarbleRunService(core)},
                       .name = "mesh",
                       .on_closed = [&core](const net::ConnectionInfo& connection) {
                         core.ForgetConnection(connection.id);
                       }};
}

net::Listener MetricsListener(std::string address, ClientApi& api) {
  auto router = std::make_shared<net::Router>();
  api.RegisterProbes(*router);
  return net::Listener{
      .address = std::move(address), .router = std::move(router), .name = "metrics"};
}

}  // namespace

Result<std::unique_ptr<FrontEnds>> FrontEnds::Start(Coordinator& core,
                                                    const FrontEndOptions& options, Log& log,
                                                    Metrics& metrics) {
  auto api = std::make_unique<ClientApi>(core, metrics);
  net::ServerOptions server;
  ASSIGN_OR_RETURN(net::Listener client,
                   ClientListener(core.authorities(), options.client_address, *api));
  server.listeners.push_back(std::move(client));
  ASSIGN_OR_RETURN(net::Listener mesh, MeshListener(core, options.mesh_address));
  server.listeners.push_back(std::move(mesh));
  const bool has_metrics = !options.metrics_address.empty();
  if (has_metrics) server.listeners.push_back(MetricsListener(options.metrics_address, *api));
  server.limits = options.limits;
  server.access_log = options.access_log ? &log : nullptr;
  server.metrics = &metrics;
  ASSIGN_OR_RETURN(std::unique_ptr<net::Server> running, net::Server::Start(std::move(server)));
  return std::make_unique<RunningFrontEnds>(std::move(api), std::move(running), has_metrics);
}

}  // namespace strongroom::coordinator
