// Answers of model servers, in every dialect that the client speaks. What is believed has as many
// bytes as its shape and datatype say.

#include <cstdlib>

#include "cli/inference_answers.h"

namespace {

void ExpectWhole(const strongroom::Result<strongroom::cli::NamedTensors>& outputs) {
  if (!outputs) return;
  for (const auto& [name, tensor] : *outputs) {
    const auto count = strongroom::cli::ElementCount(tensor.shape);
    if (!count || tensor.data.size() != *count * strongroom::cli::ElementSize(tensor.datatype))
      std::abort();
    (void)strongroom::cli::DataAsJson(tensor, /*nested=*/true).has_value();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom;  // NOLINT(google-build-using-namespace)
  const ByteView bytes(data, size);
  ExpectWhole(cli::ReadPredictAnswer(bytes));
  ExpectWhole(cli::ReadModelInferAnswer(bytes));
  if (const auto document = JsonDocument::Parse(AsText(bytes)))
    ExpectWhole(cli::ReadRestAnswer(document->root()));
  return 0;
}
