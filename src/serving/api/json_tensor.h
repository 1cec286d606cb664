#pragma once

#include <cstddef>
#include <string_view>

#include "base/json.h"
#include "serving/core/tensor.h"

namespace strongroom::serving::api {

// A tensor as nested JSON arrays of numbers or booleans, and its shape as the nesting has it.
struct JsonTensor {
  Shape shape;
  Bytes elements;
  TensorView view(DType dtype) const { return {.dtype = dtype, .shape = shape, .bytes = elements}; }
};

// Reads `text`, which is valid JSON: one number or boolean, or arrays nested to one depth
// everywhere, all of one length at each level. Floats may also be the strings "NaN", "Infinity",
// "-Infinity", because JSON has no numbers for them. kMalformed for ragged nesting and values that
// `dtype` cannot hold exactly (a fraction for an integer type); kExhausted.
Result<JsonTensor> ReadJsonTensor(std::string_view text, DType dtype, std::size_t max_bytes);

// Writes elements as nested arrays by shape, or as one flat array. Numbers that are not finite
// become those strings; a float always shows that it is one ("1.0"). 16-bit floats are not written:
// see HasJsonForm.
void WriteJsonTensor(JsonWriter& writer, const TensorView& tensor, bool nested);
bool HasJsonForm(DType dtype);

}  // namespace strongroom::serving::api
