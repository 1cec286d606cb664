#pragma once

#include <string_view>

#include "net/grpc_service.h"
#include "serving/api/frontend.h"

namespace strongroom::serving::api::kserve {

// The Open Inference Protocol's gRPC calls over whatever `frontend` manages: message in, message or
// error out.
Result<Bytes> ModelInfer(const Frontend& frontend, const Caller& caller, ByteView message);
Result<Bytes> ModelMetadata(const Frontend& frontend, const Caller& caller, ByteView message);
// A model that is not there, or not yet, is simply not ready.
Result<Bytes> ModelReady(const Frontend& frontend, const Caller& caller, ByteView message);

// inference.GRPCInferenceService. `frontend` is borrowed for the service's life, `version` is the
// server's.
void AddService(net::GrpcService& service, const Frontend& frontend, std::string_view version);

}  // namespace strongroom::serving::api::kserve
