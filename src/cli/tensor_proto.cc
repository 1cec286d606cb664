#include "cli/tensor_proto.h"

#include <concepts>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "cli/datatype.h"

namespace strongroom::cli {
namespace {

// The elements of a list, each as wide as its type: narrow integers share a list of wider ones.
template <class T, class Listed>
Result<Bytes> Packed(const google::protobuf::RepeatedField<Listed>& list) {
  Bytes out(static_cast<std::size_t>(list.size()) * sizeof(T));
  std::uint8_t* to = out.data();
  for (const Listed listed : list) {
    if constexpr (!std::same_as<T, Listed>) {
      if (!std::in_range<T>(listed))
        return Malformed(
            fmt::format("an output has {} as an element of {} bits", listed, 8 * sizeof(T)));
    }
    const T value = static_cast<T>(listed);
    std::memcpy(to, &value, sizeof(T));
    to += sizeof(T);
  }
  return out;
}

// tensorflow.TensorProto says which list holds the elements of which type.
Result<Bytes> ListedElements(const tensorflow::TensorProto& proto) {
  switch (proto.dtype()) {
    case tensorflow::DT_FLOAT: return Packed<float>(proto.float_val());
    case tensorflow::DT_DOUBLE: return Packed<double>(proto.double_val());
    case tensorflow::DT_HALF:
    case tensorflow::DT_BFLOAT16: return Packed<std::uint16_t>(proto.half_val());
    case tensorflow::DT_INT8: return Packed<std::int8_t>(proto.int_val());
    case tensorflow::DT_INT16: return Packed<std::int16_t>(proto.int_val());
    case tensorflow::DT_INT32: return Packed<std::int32_t>(proto.int_val());
    case tensorflow::DT_INT64: return Packed<std::int64_t>(proto.int64_val());
    case tensorflow::DT_UINT8: return Packed<std::uint8_t>(proto.int_val());
    case tensorflow::DT_UINT16: return Packed<std::uint16_t>(proto.int_val());
    case tensorflow::DT_UINT32: return Packed<std::uint32_t>(proto.uint32_val());
    case tensorflow::DT_UINT64: return Packed<std::uint64_t>(proto.uint64_val());
    case tensorflow::DT_BOOL: return Packed<bool>(proto.bool_val());
    default:
      return Unsupported(fmt::format("an output has DataType {}", static_cast<int>(proto.dtype())));
  }
}

}  // namespace

Result<tensorflow::TensorProto> ToTensorProto(const Tensor& tensor) {
  const Datatype* datatype = FindDatatype(&Datatype::name, std::string_view(tensor.datatype));
  if (datatype == nullptr)
    return Unsupported(fmt::format("datatype \"{}\" has no DataType", tensor.datatype));
  tensorflow::TensorProto proto;
  proto.set_dtype(static_cast<tensorflow::DataType>(datatype->tensorflow));
  for (const std::int64_t dimension : tensor.shape)
    proto.mutable_tensor_shape()->add_dim()->set_size(dimension);
  proto.set_tensor_content(ToText(tensor.data));
  return proto;
}

Result<Tensor> FromTensorProto(const tensorflow::TensorProto& proto) {
  const Datatype* datatype = FindDatatype(&Datatype::tensorflow, static_cast<int>(proto.dtype()));
  if (datatype == nullptr)
    return Unsupported(fmt::format("an output has DataType {}", static_cast<int>(proto.dtype())));
  Tensor tensor{.datatype = std::string(datatype->name), .shape = {}, .data = {}};
  for (const auto& dim : proto.tensor_shape().dim()) tensor.shape.push_back(dim.size());
  if (proto.tensor_content().empty()) {
    ASSIGN_OR_RETURN(tensor.data, ListedElements(proto));
  } else {
    tensor.data = ToBytes(std::string_view(proto.tensor_content()));
  }
  RETURN_IF_ERROR(CheckLength(tensor));
  return tensor;
}

}  // namespace strongroom::cli
