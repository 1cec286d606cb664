#include "serving/core/dtype.h"

namespace strongroom::serving {

std::size_t ElementSize(DType dtype) {
  switch (dtype) {
    case DType::kBool:
    case DType::kUint8:
    case DType::kInt8: return 1;
    case DType::kUint16:
    case DType::kInt16:
    case DType::kFloat16:
    case DType::kBfloat16: return 2;
    case DType::kUint32:
    case DType::kInt32:
    case DType::kFloat32: return 4;
    case DType::kUint64:
    case DType::kInt64:
    case DType::kFloat64: return 8;
  }
  return 1;
}

std::string_view DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kBool: return "BOOL";
    case DType::kUint8: return "UINT8";
    case DType::kUint16: return "UINT16";
    case DType::kUint32: return "UINT32";
    case DType::kUint64: return "UINT64";
    case DType::kInt8: return "INT8";
    case DType::kInt16: return "INT16";
    case DType::kInt32: return "INT32";
    case DType::kInt64: return "INT64";
    case DType::kFloat16: return "FP16";
    case DType::kBfloat16: return "BF16";
    case DType::kFloat32: return "FP32";
    case DType::kFloat64: return "FP64";
  }
  return "";
}

std::optional<DType> ParseDType(std::string_view name) {
  for (const DType dtype : kAllDTypes) {
    if (DTypeName(dtype) == name) return dtype;
  }
  return std::nullopt;
}

}  // namespace strongroom::serving
