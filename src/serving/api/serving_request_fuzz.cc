// Every way a client's bytes reach a decoder. The first byte chooses which; where protobuf reads
// the same message, both must say the same.

#include <inference.pb.h>
#include <tensorflow_serving.pb.h>

#include <cstdlib>
#include <string>

#include <google/protobuf/stubs/logging.h>

#include "base/metrics.h"
#include "serving/api/json_tensor.h"
#include "serving/api/kserve/grpc_service.h"
#include "serving/api/kserve/messages.h"
#include "serving/api/kserve/rest_messages.h"
#include "serving/api/tfs/messages.h"
#include "serving/api/tfs/rest_messages.h"
#include "serving/api/tfs/service.h"
#include "serving/api/tfs/tensor_proto.h"
#include "serving/core/fake_engine.h"

namespace strongroom::serving::api {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// An echo model that anyone may ask.
struct World {
  World() {
    google::protobuf::SetLogHandler(nullptr);  // it complains of every text that is no UTF-8
    models.versions["m"] = {{1, "x:FP32:-1,2 y:INT8:-1"}};
    Require(manager.Load("m", models, LatestVersions{}).has_value());
  }
  testing::EchoEngine engine;
  testing::MemoryModels models;
  Manager manager{engine};
  AccessList access = AccessList::InsecureEveryone();
  Metrics metrics;
  Frontend frontend{manager, access, metrics};
};

World& TheWorld() {
  static World world;
  return world;
}

constexpr std::size_t kLimit = 1 << 20;

void FuzzTensorProto(ByteView bytes) {
  TheWorld();
  const auto ours = tfs::DecodeTensorProto(bytes, kLimit);
  ::tensorflow::TensorProto theirs;
  if (!ours || !theirs.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  Require(theirs.dtype() == tfs::TfType(ours->view.dtype));
  Require(static_cast<std::size_t>(theirs.tensor_shape().dim_size()) == ours->view.shape.size());
  for (int i = 0; i < theirs.tensor_shape().dim_size(); ++i) {
    Require(theirs.tensor_shape().dim(i).size() == ours->view.shape[static_cast<std::size_t>(i)]);
  }
  Require(ours->view.bytes.size() == ByteCount(ours->view.dtype, ours->view.shape, kLimit).value());
  if (!theirs.tensor_content().empty())
    Require(Equal(AsBytes(theirs.tensor_content()), ours->view.bytes));
  if (theirs.tensor_content().empty() && theirs.dtype() == ::tensorflow::DT_INT32 &&
      theirs.int_val_size() > 0) {
    const std::int32_t first = theirs.int_val(0);
    Require(Equal(ours->view.bytes.first(4),
                  ByteView(reinterpret_cast<const std::uint8_t*>(&first), 4)));
  }
}

void FuzzPredict(ByteView bytes) {
  const auto ours = tfs::DecodePredictRequest(bytes);
  ::tensorflow::serving::PredictRequest theirs;
  if (ours && theirs.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    Require(theirs.model_spec().name() == ours->spec.name);
    Require(theirs.model_spec().signature_name() == ours->spec.signature);
    Require(static_cast<std::size_t>(theirs.inputs_size()) == ours->inputs.size());
    Require(static_cast<std::size_t>(theirs.output_filter_size()) == ours->output_filter.size());
  }
  const auto answer = tfs::Predict(TheWorld().frontend, Caller{}, bytes);
  ::tensorflow::serving::PredictResponse response;
  Require(!answer || response.ParseFromArray(answer->data(), static_cast<int>(answer->size())));
}

void FuzzInfer(ByteView bytes) {
  const auto ours = kserve::DecodeInferRequest(bytes);
  inference::ModelInferRequest theirs;
  if (ours && theirs.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    Require(theirs.model_name() == ours->model);
    Require(static_cast<std::size_t>(theirs.inputs_size()) == ours->inputs.size());
    Require(static_cast<std::size_t>(theirs.raw_input_contents_size()) == ours->raw.size());
    for (int i = 0; i < theirs.inputs_size(); ++i) {
      const auto& input = ours->inputs[static_cast<std::size_t>(i)];
      Require(theirs.inputs(i).name() == input.name);
      Require(Shape(theirs.inputs(i).shape().begin(), theirs.inputs(i).shape().end()) ==
              input.shape);
    }
  }
  const auto answer = kserve::ModelInfer(TheWorld().frontend, Caller{}, bytes);
  inference::ModelInferResponse response;
  Require(!answer || response.ParseFromArray(answer->data(), static_cast<int>(answer->size())));
}

// The first two bytes say how much is JSON.
void FuzzRestInfer(ByteView bytes) {
  if (bytes.size() < 2) return;
  const std::size_t json = static_cast<std::size_t>(bytes[0]) | static_cast<std::size_t>(bytes[1])
                                                                    << 8;
  const auto request = kserve::ParseInferRequest(
      bytes.subspan(2), json == 0xffff ? std::nullopt : std::optional<std::size_t>(json));
  if (!request) return;
  for (const auto& input : request->inputs)
    static_cast<void>(kserve::DecodeRestInput(input, kLimit));
}

void FuzzRestPredict(ByteView bytes) {
  const Handle servable = TheWorld().manager.Acquire("m", std::nullopt).value();
  static_cast<void>(tfs::ParsePredict(AsText(bytes), servable->loaded->signature(), kLimit));
}

}  // namespace
}  // namespace strongroom::serving::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom::serving::api;
  if (size == 0) return 0;
  // A copy of its own, so that a sanitizer sees a read one byte beyond.
  const strongroom::Bytes bytes(data + 1, data + size);
  switch (data[0] % 5) {
    case 0: FuzzTensorProto(bytes); break;
    case 1: FuzzPredict(bytes); break;
    case 2: FuzzInfer(bytes); break;
    case 3: FuzzRestInfer(bytes); break;
    default: FuzzRestPredict(bytes); break;
  }
  return 0;
}
