#pragma once

#include <memory>

#include "coordinator/core/coordinator.h"
#include "net/grpc_service.h"

namespace strongroom::coordinator {

// strongroom.v1.Coordinator: Attest, Challenge, Activate (proto/strongroom/v1/coordinator.proto).
// `core` is borrowed for the service's life. All three need TLS 1.3, whose exporter the evidence is
// bound to: UNIMPLEMENTED below it.
std::shared_ptr<const net::GrpcService> MakeMeshService(Coordinator& core);

// rpc.Marble/Activate, for marbles that speak MarbleRun's protocol and whose manifest entry lets
// them (marblerun.md 2.3). `core` is borrowed for the service's life.
std::shared_ptr<const net::GrpcService> MakeMarbleRunService(Coordinator& core);

}  // namespace strongroom::coordinator
