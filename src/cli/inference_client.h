#pragma once

#include <memory>
#include <string>

#include "cli/inference_answers.h"
#include "net/client.h"
#include "net/grpc_client.h"

namespace strongroom::cli {

struct InferenceTarget {
  std::string address;  // "host:port"
  net::TlsClientOptions tls;
  std::string model;
  std::string version = {};  // empty: the served one
};

// One inference over each of the protocols a model server speaks. An input without a name gets that
// of the model's only input, which is asked for first.
Result<NamedTensors> InferByTensorFlowServing(const InferenceTarget& target, NamedTensors inputs);
Result<NamedTensors> InferByKServeGrpc(const InferenceTarget& target, NamedTensors inputs);
Result<NamedTensors> InferByKServeRest(const InferenceTarget& target, NamedTensors inputs);

}  // namespace strongroom::cli
