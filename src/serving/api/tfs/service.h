#pragma once

#include "net/grpc_service.h"
#include "serving/api/frontend.h"

namespace strongroom::serving::api::tfs {

// TensorFlow Serving's gRPC calls over whatever `frontend` manages. Each takes a request message
// and gives the answer's, or an error whose code and text are TensorFlow Serving's. Pure but for
// the metrics; any thread.
Result<Bytes> Predict(const Frontend& frontend, const Caller& caller, ByteView message);
Result<Bytes> GetModelMetadata(const Frontend& frontend, const Caller& caller, ByteView message);
Result<Bytes> GetModelStatus(const Frontend& frontend, const Caller& caller, ByteView message);

// tensorflow.serving.PredictionService and ModelService. `frontend` is borrowed for the service's
// life.
void AddServices(net::GrpcService& service, const Frontend& frontend);

// TensorFlow Serving cuts its error texts to this many characters.
inline constexpr std::size_t kMaxErrorText = 1024;

}  // namespace strongroom::serving::api::tfs
