// Reading a request of 602,112 bytes (one 224x224 RGB image of floats) up to a tensor that the
// engine can take: ours, in place, against protobuf's parser with a copy into aligned memory.
// Processor time of this thread.

#include <inference.pb.h>
#include <tensorflow_serving.pb.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "serving/api/kserve/messages.h"
#include "serving/api/tfs/messages.h"
#include "serving/api/tfs/tensor_proto.h"
#include "serving/core/buffer.h"

namespace strongroom::serving::api {
namespace {

constexpr std::size_t kFloats = 224 * 224 * 3;
constexpr std::size_t kTensorBytes = kFloats * 4;
constexpr std::size_t kLimit = 64 << 20;
constexpr int kRounds = 15;
constexpr int kRequests = 300;

void Require(bool holds) {
  if (holds) return;
  std::fputs("serving_decode_bench: a request did not decode\n", stderr);
  std::exit(1);
}

double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double MicrosecondsPerRequest(const std::function<void()>& decode) {
  const double begin = ThreadSeconds();
  for (int i = 0; i < kRequests; ++i) decode();
  return (ThreadSeconds() - begin) * 1e6 / kRequests;
}

// Both sides end with elements in aligned memory, which the engine needs.
void IntoAligned(ByteView elements) {
  Require(elements.size() == kTensorBytes);
  Require(Buffer::Copy(elements, Secrecy::kOrdinary).has_value());
}

Bytes PredictMessage() {
  ::tensorflow::serving::PredictRequest request;
  request.mutable_model_spec()->set_name("resnet");
  auto& x = (*request.mutable_inputs())["input"];
  x.set_dtype(::tensorflow::DT_FLOAT);
  for (const std::int64_t dim : {1, 224, 224, 3})
    x.mutable_tensor_shape()->add_dim()->set_size(dim);
  x.set_tensor_content(std::string(kTensorBytes, 'x'));
  return ToBytes(request.SerializeAsString());
}

Bytes FloatsMessage() {
  ::tensorflow::serving::PredictRequest request;
  const Bytes content = PredictMessage();
  Require(request.ParseFromArray(content.data(), static_cast<int>(content.size())));
  auto& x = request.mutable_inputs()->at("input");
  x.clear_tensor_content();
  for (std::size_t i = 0; i < kFloats; ++i) x.add_float_val(static_cast<float>(i));
  return ToBytes(request.SerializeAsString());
}

Bytes InferMessage() {
  inference::ModelInferRequest request;
  request.set_model_name("resnet");
  auto& x = *request.add_inputs();
  x.set_name("input"), x.set_datatype("FP32");
  for (const std::int64_t dim : {1, 224, 224, 3}) x.add_shape(dim);
  request.add_raw_input_contents(std::string(kTensorBytes, 'x'));
  return ToBytes(request.SerializeAsString());
}

void OursPredict(const Bytes& message) {
  const auto request = tfs::DecodePredictRequest(message);
  Require(request.has_value());
  const auto tensor = tfs::DecodeTensorProto(request->inputs.front().second, kLimit);
  Require(tensor.has_value());
  IntoAligned(tensor->view.bytes);
}

void TheirsPredict(const Bytes& message) {
  ::tensorflow::serving::PredictRequest request;
  Require(request.ParseFromArray(message.data(), static_cast<int>(message.size())));
  const auto& x = request.inputs().at("input");
  if (!x.tensor_content().empty()) return IntoAligned(AsBytes(x.tensor_content()));
  IntoAligned({reinterpret_cast<const std::uint8_t*>(x.float_val().data()), kTensorBytes});
}

void OursInfer(const Bytes& message) {
  const auto request = kserve::DecodeInferRequest(message);
  Require(request.has_value());
  const auto tensor = kserve::DecodeInput(*request, 0, kLimit);
  Require(tensor.has_value());
  IntoAligned(tensor->view.bytes);
}

void TheirsInfer(const Bytes& message) {
  inference::ModelInferRequest request;
  Require(request.ParseFromArray(message.data(), static_cast<int>(message.size())));
  IntoAligned(AsBytes(request.raw_input_contents(0)));
}

void Run() {
  const struct {
    const char* figure;
    Bytes message;
    void (*ours)(const Bytes&);
    void (*theirs)(const Bytes&);
  } rows[] = {
      {"decode Predict, tensor_content", PredictMessage(), OursPredict, TheirsPredict},
      {"decode Predict, float_val", FloatsMessage(), OursPredict, TheirsPredict},
      {"decode ModelInfer, raw", InferMessage(), OursInfer, TheirsInfer},
  };
  for (int round = 1; round <= kRounds; ++round) {
    for (const auto& row : rows) {
      const double theirs = MicrosecondsPerRequest([&] { row.theirs(row.message); });
      const double ours = MicrosecondsPerRequest([&] { row.ours(row.message); });
      std::printf("%s\t%d\t%.2f\t%.2f\tus\t%.4f\t<=1.0\n", row.figure, round, ours, theirs,
                  ours / theirs);
    }
  }
}

}  // namespace
}  // namespace strongroom::serving::api

int main() { strongroom::serving::api::Run(); }
