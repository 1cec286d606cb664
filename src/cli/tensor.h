#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace strongroom::cli {

// A tensor as it goes over the wire: little endian, row-major.
struct Tensor {
  std::string datatype;  // KServe's names: FP32, INT64, UINT8, BOOL, …
  std::vector<std::int64_t> shape;
  Bytes data;
};

// Bytes of one element of a KServe datatype; 0 for an unknown or variable-size one.
std::size_t ElementSize(std::string_view datatype);

// That the data are as long as shape and datatype say: kMalformed when not, kUnsupported for an
// unknown datatype.
Status CheckLength(const Tensor& tensor);

// NumPy's .npy format, versions 1 and 2 (NEP 1): little-endian (or single-byte) bool, integer and
// floating types, C order. kMalformed for anything else, naming what was found.
Result<Tensor> ParseNpy(ByteView file);
// kUnsupported for BF16, which NumPy has not, and for unknown datatypes; kMalformed when the data
// is not as long as the shape says.
Result<Bytes> WriteNpy(const Tensor& tensor);

// The elements as a JSON array of numbers (or booleans), nested by shape when `nested`, else flat.
// kUnsupported for FP16 and BF16, and for values that JSON cannot say (NaN, infinities).
Result<std::string> DataAsJson(const Tensor& tensor, bool nested);
// A flat JSON array into the elements of `datatype`; the count must be that of the shape.
Result<Bytes> DataFromJson(std::string_view json, std::string_view datatype, std::size_t count);

// kMalformed when a dimension is negative, there are more than 32, or the product passes 2^40.
Result<std::size_t> ElementCount(const std::vector<std::int64_t>& shape);

}  // namespace strongroom::cli
