#include "serving/api/tfs/tensor_proto.h"

#include <algorithm>

#include <fmt/format.h>

namespace strongroom::serving::api::tfs {
namespace {

// tensorflow.TensorProto's fields.
constexpr std::uint32_t kDtype = 1;
constexpr std::uint32_t kShape = 2;
constexpr std::uint32_t kContent = 4;
// tensorflow.TensorShapeProto and its Dim.
constexpr std::uint32_t kShapeDim = 2;
constexpr std::uint32_t kShapeUnknownRank = 3;
constexpr std::uint32_t kDimSize = 1;

struct TypeRow {
  DType dtype;
  int tf_type;
  std::string_view name;
  std::uint32_t list;  // the field that holds values of the type
};
constexpr TypeRow kTypes[] = {
    {DType::kFloat32, 1, "DT_FLOAT", 5},       {DType::kFloat64, 2, "DT_DOUBLE", 6},
    {DType::kInt32, 3, "DT_INT32", 7},         {DType::kUint8, 4, "DT_UINT8", 7},
    {DType::kInt16, 5, "DT_INT16", 7},         {DType::kInt8, 6, "DT_INT8", 7},
    {DType::kInt64, 9, "DT_INT64", 10},        {DType::kBool, 10, "DT_BOOL", 11},
    {DType::kBfloat16, 14, "DT_BFLOAT16", 13}, {DType::kUint16, 17, "DT_UINT16", 7},
    {DType::kFloat16, 19, "DT_HALF", 13},      {DType::kUint32, 22, "DT_UINT32", 16},
    {DType::kUint64, 23, "DT_UINT64", 17},
};

const TypeRow& RowOf(DType dtype) {
  return *std::find_if(std::begin(kTypes), std::end(kTypes),
                       [&](const TypeRow& row) { return row.dtype == dtype; });
}

Result<std::int64_t> DecodeDim(ByteView bytes) {
  ProtoReader reader(bytes, "dimension");
  std::int64_t size = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) return size;
    if (field->number != kDimSize) continue;
    ASSIGN_OR_RETURN(const std::uint64_t value, ProtoVarint(*field, "dimension"));
    size = static_cast<std::int64_t>(value);
  }
}

Result<Shape> DecodeShape(ByteView bytes) {
  ProtoReader reader(bytes, "tensor_shape");
  Shape shape;
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) return shape;
    if (field->number == kShapeUnknownRank && field->value != 0) {
      return Malformed("tensor_shape has unknown_rank, wanted dimensions");
    }
    if (field->number != kShapeDim) continue;
    ASSIGN_OR_RETURN(const ByteView dim, ProtoBytes(*field, "tensor_shape"));
    if (shape.size() == kMaxRank)
      return Malformed(fmt::format("tensor_shape has more than {} dimensions", kMaxRank));
    ASSIGN_OR_RETURN(const std::int64_t size, DecodeDim(dim));
    shape.push_back(size);
  }
}

struct Head {
  std::uint64_t type = 0;
  std::optional<Shape> shape;
  ByteView content;
};

Result<Head> DecodeHead(ByteView proto) {
  Head head;
  ProtoReader reader(proto, "tensor");
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) return head;
    switch (field->number) {
      case kDtype: {
        ASSIGN_OR_RETURN(head.type, ProtoVarint(*field, "tensor"));
        break;
      }
      case kShape: {
        if (head.shape) return Malformed("tensor has two shapes, wanted one");
        ASSIGN_OR_RETURN(const ByteView shape, ProtoBytes(*field, "tensor"));
        ASSIGN_OR_RETURN(head.shape, DecodeShape(shape));
        break;
      }
      case kContent: {
        ASSIGN_OR_RETURN(head.content, ProtoBytes(*field, "tensor"));
        break;
      }
      default: break;
    }
  }
}

// The last value stands for all that are missing.
void Repeat(Bytes& values, std::size_t element, std::size_t size) {
  values.reserve(size);
  while (values.size() < size) {
    const std::size_t last = values.size() - element;
    for (std::size_t i = 0; i < element; ++i) values.push_back(values[last + i]);
  }
}

Status DecodeValues(ByteView proto, const TypeRow& row, std::size_t size, DecodedTensor& out) {
  ASSIGN_OR_RETURN(Values values, CollectValues(proto, row.list, row.dtype, size));
  if (values.bytes().empty() && size > 0) return Malformed("tensor has a shape and no values");
  if (values.bytes().size() < size) {
    if (values.owned.empty()) values.owned = ToBytes(values.in_message);
    Repeat(values.owned, ElementSize(row.dtype), size);
  }
  out.owned = std::move(values.owned);
  out.view.bytes = out.owned.empty() ? values.in_message : ByteView(out.owned);
  return {};
}

ProtoWriter EncodeShape(const Shape& shape) {
  ProtoWriter out;
  for (const std::int64_t dim : shape) {
    ProtoWriter size;
    if (dim != 0) size.Varint(kDimSize, static_cast<std::uint64_t>(dim));
    out.Message(kShapeDim, size);
  }
  return out;
}

ProtoWriter EncodeHead(const TensorView& tensor) {
  ProtoWriter head;
  head.Varint(kDtype, static_cast<std::uint64_t>(RowOf(tensor.dtype).tf_type));
  head.Message(kShape, EncodeShape(tensor.shape));
  return head;
}

}  // namespace

int TfType(DType dtype) { return RowOf(dtype).tf_type; }

std::string_view TfTypeName(DType dtype) { return RowOf(dtype).name; }

std::optional<DType> FromTfType(std::uint64_t type) {
  for (const TypeRow& row : kTypes) {
    if (static_cast<std::uint64_t>(row.tf_type) == type) return row.dtype;
  }
  return std::nullopt;
}

Result<DecodedTensor> DecodeTensorProto(ByteView proto, std::size_t max_bytes) {
  ASSIGN_OR_RETURN(Head head, DecodeHead(proto));
  const auto dtype = FromTfType(head.type);
  if (!dtype)
    return Unsupported(fmt::format("tensor has data type {}, wanted a number or bool", head.type));
  DecodedTensor out{
      .view = {.dtype = *dtype, .shape = std::move(head.shape).value_or(Shape{}), .bytes = {}},
      .owned = {}};
  ASSIGN_OR_RETURN(const std::size_t size, ByteCount(*dtype, out.view.shape, max_bytes));
  if (!head.content.empty()) {
    if (head.content.size() != size) {
      return Malformed(fmt::format("tensor_content has {} bytes, wanted {} for shape {} of {}",
                                   head.content.size(), size, ShapeText(out.view.shape),
                                   TfTypeName(*dtype)));
    }
    out.view.bytes = head.content;
  } else {
    RETURN_IF_ERROR(DecodeValues(proto, RowOf(*dtype), size, out));
  }
  RETURN_IF_ERROR(CheckBooleans(out.view));
  return out;
}

std::size_t TensorProtoSize(const TensorView& tensor) {
  const PackedValues values(tensor.dtype, tensor.bytes);
  const std::size_t list = values.bytes().empty() ? 0
                                                  : ProtoWriter::FieldSize(RowOf(tensor.dtype).list,
                                                                           values.bytes().size());
  return EncodeHead(tensor).bytes().size() + list;
}

void EncodeTensorProto(ProtoWriter& writer, std::uint32_t number, const TensorView& tensor) {
  const PackedValues values(tensor.dtype, tensor.bytes);
  const ProtoWriter head = EncodeHead(tensor);
  const std::uint32_t list = RowOf(tensor.dtype).list;
  const std::size_t list_size =
      values.bytes().empty() ? 0 : ProtoWriter::FieldSize(list, values.bytes().size());
  writer.Header(number, head.bytes().size() + list_size).Raw(head.bytes());
  if (list_size > 0) writer.Bytes(list, values.bytes());
}

}  // namespace strongroom::serving::api::tfs
