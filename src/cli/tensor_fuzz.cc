// Tensors in files: .npy, JSON, and descriptions of raw bytes. What .npy was read is written and
// read back the same.

#include <cstdlib>

#include "cli/tensor_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom;  // NOLINT(google-build-using-namespace)
  const ByteView bytes(data, size);
  if (const auto tensor = cli::ParseNpy(bytes)) {
    const auto again = cli::ParseNpy(cli::WriteNpy(*tensor).value());
    if (!again || again->shape != tensor->shape || again->data != tensor->data) std::abort();
    (void)cli::DataAsJson(*tensor, true).has_value();
  }
  if (const auto input = cli::ParseTensorJson(AsText(bytes))) {
    const auto json = cli::DataAsJson(input->second, false);
    if (!json) return 0;  // not every datatype and value has a JSON form
    const auto count = cli::ElementCount(input->second.shape);
    const auto again = cli::DataFromJson(*json, input->second.datatype, *count);
    if (!again || *again != input->second.data) std::abort();
  }
  (void)cli::RawTensor(AsText(bytes), bytes).has_value();
  return 0;
}
