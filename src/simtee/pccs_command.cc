#include <cstdio>
#include <map>
#include <memory>

#include <fmt/format.h>

#include "base/end_signals.h"
#include "net/server.h"
#include "simtee/commands.h"
#include "simtee/pccs.h"

namespace strongroom::simtee {
namespace {

Result<sim::CollateralOptions> OptionsOf(const PccsFlags& flags, const sim::World& world) {
  sim::CollateralOptions options;
  for (const std::string& text : flags.statuses) {
    const auto at = text.find('=');
    if (at == std::string::npos) {
      return Malformed(fmt::format("--tcb-status {}, wanted PLATFORM=STATUS", text));
    }
    RETURN_IF_ERROR(world.FindPlatform(text.substr(0, at)));
    ASSIGN_OR_RETURN(options.statuses[text.substr(0, at)],
                     attest::ParseTcbStatus(text.substr(at + 1)));
  }
  return options;
}

}  // namespace

Status ServePccs(const PccsFlags& flags, const Machine& machine) {
  ASSIGN_OR_RETURN(const sim::World world, OpenWorld(flags.world, machine.entropy, machine.clock));
  ASSIGN_OR_RETURN(sim::CollateralOptions options, OptionsOf(flags, world));
  const sim::Collateral collateral(world, std::move(options));
  auto router = std::make_shared<net::Router>();
  AddPccsRoutes(*router, collateral, machine.clock);

  const EndSignals signals;
  net::ServerOptions server_options{.event_loops = 1, .workers = 1, .access_log = &machine.log};
  server_options.listeners.push_back({.address = flags.listen, .router = router, .name = "pccs"});
  ASSIGN_OR_RETURN(const auto server, net::Server::Start(std::move(server_options)));
  const std::string host = flags.listen.substr(0, flags.listen.rfind(':'));
  fmt::print("listening on http://{}:{}\n", host, server->port());
  std::fflush(stdout);
  signals.Wait();
  server->Stop();
  return {};
}

}  // namespace strongroom::simtee
