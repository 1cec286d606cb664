#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace strongroom::serving {

// Element types that the server carries. Text tensors are not among them.
enum class DType : std::uint8_t {
  kBool,  // one byte an element, 0 or 1
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat16,
  kBfloat16,
  kFloat32,
  kFloat64,
};

inline constexpr DType kAllDTypes[] = {
    DType::kBool,     DType::kUint8,   DType::kUint16, DType::kUint32, DType::kUint64,
    DType::kInt8,     DType::kInt16,   DType::kInt32,  DType::kInt64,  DType::kFloat16,
    DType::kBfloat16, DType::kFloat32, DType::kFloat64};

// Bytes of one element: 1, 2, 4 or 8.
std::size_t ElementSize(DType dtype);

// The Open Inference Protocol's names: "BOOL", "UINT8" … "FP16", "BF16", "FP32", "FP64".
std::string_view DTypeName(DType dtype);
std::optional<DType> ParseDType(std::string_view name);

}  // namespace strongroom::serving
