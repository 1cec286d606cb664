#include "serving/api/tfs/tensor_proto.h"

#include <tensorflow_core.pb.h>

#include <cmath>
#include <limits>

#include "serving/api/test_api.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::serving::api::tfs {
namespace {

using strongroom::testing::Fails;
using ::tensorflow::TensorProto;
using testing::RawOf;
constexpr std::size_t kLimit = 1 << 20;

Bytes Serialize(const TensorProto& proto) { return ToBytes(proto.SerializeAsString()); }

TensorProto Shaped(int dtype, std::initializer_list<std::int64_t> dims) {
  TensorProto proto;
  proto.set_dtype(static_cast<::tensorflow::DataType>(dtype));
  for (const std::int64_t dim : dims) proto.mutable_tensor_shape()->add_dim()->set_size(dim);
  return proto;
}

struct TypedRow {
  DType dtype;
  Bytes raw;  // the values as memory holds them
  std::function<void(TensorProto&)> fill;
};

// Each type with its extremes, as lists.
std::vector<TypedRow> TypedRows() {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  return {
      {DType::kFloat32, RawOf<float>({-1.5F, kInf}),
       [](TensorProto& p) { p.add_float_val(-1.5F), p.add_float_val(kInf); }},
      {DType::kFloat64, RawOf<double>({1e-300, -0.0}),
       [](TensorProto& p) { p.add_double_val(1e-300), p.add_double_val(-0.0); }},
      {DType::kInt8, RawOf<std::int8_t>({-128, 127}),
       [](TensorProto& p) { p.add_int_val(-128), p.add_int_val(127); }},
      {DType::kUint8, RawOf<std::uint8_t>({0, 255}),
       [](TensorProto& p) { p.add_int_val(0), p.add_int_val(255); }},
      {DType::kInt16, RawOf<std::int16_t>({-32768, 32767}),
       [](TensorProto& p) { p.add_int_val(-32768), p.add_int_val(32767); }},
      {DType::kUint16, RawOf<std::uint16_t>({1, 65535}),
       [](TensorProto& p) { p.add_int_val(1), p.add_int_val(65535); }},
      {DType::kInt32, RawOf<std::int32_t>({std::numeric_limits<std::int32_t>::min(), -1}),
       [](TensorProto& p) {
         p.add_int_val(std::numeric_limits<std::int32_t>::min()), p.add_int_val(-1);
       }},
      {DType::kUint32, RawOf<std::uint32_t>({7, 0xffffffff}),
       [](TensorProto& p) { p.add_uint32_val(7), p.add_uint32_val(0xffffffff); }},
      {DType::kInt64, RawOf<std::int64_t>({std::numeric_limits<std::int64_t>::min(), 5}),
       [](TensorProto& p) {
         p.add_int64_val(std::numeric_limits<std::int64_t>::min()), p.add_int64_val(5);
       }},
      {DType::kUint64, RawOf<std::uint64_t>({~std::uint64_t{0}, 5}),
       [](TensorProto& p) { p.add_uint64_val(~std::uint64_t{0}), p.add_uint64_val(5); }},
      {DType::kBool, Bytes{1, 0},
       [](TensorProto& p) { p.add_bool_val(true), p.add_bool_val(false); }},
      {DType::kFloat16, RawOf<std::uint16_t>({0x3c00, 0xfbff}),
       [](TensorProto& p) { p.add_half_val(0x3c00), p.add_half_val(0xfbff); }},
      {DType::kBfloat16, RawOf<std::uint16_t>({0x3f80, 0xff7f}),
       [](TensorProto& p) { p.add_half_val(0x3f80), p.add_half_val(0xff7f); }},
  };
}

TEST(TensorProtoTest, ReadsListsAndContentOfEveryType) {
  for (const TypedRow& row : TypedRows()) {
    TensorProto list = Shaped(TfType(row.dtype), {2});
    row.fill(list);
    const Bytes list_bytes = Serialize(list);
    ASSERT_OK_AND_ASSIGN(const DecodedTensor from_list, DecodeTensorProto(list_bytes, kLimit));
    EXPECT_EQ(from_list.view.dtype, row.dtype);
    EXPECT_EQ(from_list.view.shape, Shape{2});
    EXPECT_EQ(ToBytes(from_list.view.bytes), row.raw) << DTypeName(row.dtype);

    TensorProto content = Shaped(TfType(row.dtype), {2});
    content.set_tensor_content(ToText(row.raw));
    const Bytes content_bytes = Serialize(content);
    ASSERT_OK_AND_ASSIGN(const DecodedTensor from_content,
                         DecodeTensorProto(content_bytes, kLimit));
    EXPECT_EQ(ToBytes(from_content.view.bytes), row.raw) << DTypeName(row.dtype);
    EXPECT_TRUE(from_content.owned.empty()) << "content is read in place";
  }
}

TEST(TensorProtoTest, WritesListsThatProtobufReads) {
  for (const TypedRow& row : TypedRows()) {
    ProtoWriter writer;
    const TensorView view{row.dtype, {2, 1}, row.raw};
    EncodeTensorProto(writer, 1, view);
    EXPECT_EQ(writer.bytes().size(), ProtoWriter::FieldSize(1, TensorProtoSize(view)));
    TensorProto wanted = Shaped(TfType(row.dtype), {2, 1});
    row.fill(wanted);
    ProtoReader reader(writer.bytes());
    const auto field = reader.Next().value().value();
    TensorProto parsed;
    ASSERT_TRUE(parsed.ParseFromArray(field.bytes.data(), static_cast<int>(field.bytes.size())));
    EXPECT_EQ(parsed.SerializeAsString(), wanted.SerializeAsString()) << DTypeName(row.dtype);
  }
}

TEST(TensorProtoTest, RunsOfFloatsAreReadInPlace) {
  TensorProto proto = Shaped(1, {3});
  for (const float value : {1.0F, 2.0F, 3.0F}) proto.add_float_val(value);
  const Bytes bytes = Serialize(proto);
  ASSERT_OK_AND_ASSIGN(const DecodedTensor tensor, DecodeTensorProto(bytes, kLimit));
  EXPECT_TRUE(tensor.owned.empty());
  EXPECT_GE(tensor.view.bytes.data(), bytes.data());
  EXPECT_LE(tensor.view.bytes.data() + tensor.view.bytes.size(), bytes.data() + bytes.size());
}

TEST(TensorProtoTest, UnpackedAndSplitListsAreTheSame) {
  // float_val 1.0 unpacked, then a packed run 2.0 3.0, then unpacked 4.0.
  const Bytes bytes =
      Concat({Bytes{0x08, 1, 0x12, 4, 0x12, 2, 0x08, 4}, Bytes{0x2d, 0, 0, 0x80, 0x3f},
              Bytes{0x2a, 8, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40}, Bytes{0x2d, 0, 0, 0x80, 0x40}});
  ASSERT_OK_AND_ASSIGN(const DecodedTensor tensor, DecodeTensorProto(bytes, kLimit));
  EXPECT_EQ(ToBytes(tensor.view.bytes), RawOf<float>({1, 2, 3, 4}));
}

TEST(TensorProtoTest, TheLastValueFillsTheShapeUpToALimit) {
  TensorProto proto = Shaped(1, {2, 3});
  proto.add_float_val(5);
  proto.add_float_val(7);
  ASSERT_OK_AND_ASSIGN(const DecodedTensor filled, DecodeTensorProto(Serialize(proto), kLimit));
  EXPECT_EQ(ToBytes(filled.view.bytes), RawOf<float>({5, 7, 7, 7, 7, 7}));

  TensorProto bomb = Shaped(1, {1 << 20, 1 << 10});
  bomb.add_float_val(1);
  EXPECT_THAT(DecodeTensorProto(Serialize(bomb), kLimit), Fails(Code::kExhausted, "more than"));
  TensorProto scalar = Shaped(3, {});
  scalar.add_int_val(-9);
  ASSERT_OK_AND_ASSIGN(const DecodedTensor one, DecodeTensorProto(Serialize(scalar), kLimit));
  EXPECT_EQ(ToBytes(one.view.bytes), RawOf<std::int32_t>({-9}));
}

TEST(TensorProtoTest, RefusesWhatContradictsItself) {
  const auto with = [](TensorProto proto, const std::function<void(TensorProto&)>& change) {
    change(proto);
    return Serialize(proto);
  };
  const struct {
    const char* name;
    Bytes bytes;
    Code code;
    const char* text;
  } rows[] = {
      {"nothing", {}, Code::kUnsupported, "data type 0"},
      {"text", Serialize(Shaped(7, {1})), Code::kUnsupported, "data type 7"},
      {"complex", Serialize(Shaped(8, {1})), Code::kUnsupported, "data type 8"},
      {"reference type", Serialize(Shaped(101, {1})), Code::kUnsupported, "data type 101"},
      {"no values", Serialize(Shaped(1, {2})), Code::kMalformed, "no values"},
      {"values of another list", with(Shaped(1, {1}), [](auto& p) { p.add_double_val(1); }),
       Code::kMalformed, "no values"},
      {"content too short", with(Shaped(1, {2}), [](auto& p) { p.set_tensor_content("1234567"); }),
       Code::kMalformed, "7 bytes, wanted 8"},
      {"content too long", with(Shaped(1, {1}), [](auto& p) { p.set_tensor_content("12345"); }),
       Code::kMalformed, "5 bytes, wanted 4"},
      {"more values than shape",
       with(Shaped(1, {1}), [](auto& p) { p.add_float_val(1), p.add_float_val(2); }),
       Code::kExhausted, "more than 4 bytes"},
      {"more numbers than shape",
       with(Shaped(9, {1}), [](auto& p) { p.add_int64_val(1), p.add_int64_val(2); }),
       Code::kExhausted, "more than 8 bytes"},
      {"negative dimension", with(Shaped(1, {-1}), [](auto& p) { p.add_float_val(1); }),
       Code::kMalformed, "negative dimension"},
      {"product overflows",
       with(Shaped(1, {std::int64_t{1} << 32, std::int64_t{1} << 32}),
            [](auto& p) { p.add_float_val(1); }),
       Code::kExhausted, ""},
      {"unknown rank",
       with(Shaped(1, {}), [](auto& p) { p.mutable_tensor_shape()->set_unknown_rank(true); }),
       Code::kMalformed, "unknown_rank"},
      {"rank 17",
       with(Shaped(1, {}),
            [](auto& p) {
              for (int i = 0; i < 17; ++i) p.mutable_tensor_shape()->add_dim()->set_size(1);
            }),
       Code::kMalformed, "more than 16"},
      {"256 as uint8", with(Shaped(4, {1}), [](auto& p) { p.add_int_val(256); }), Code::kMalformed,
       "256 is no UINT8"},
      {"-1 as uint8", with(Shaped(4, {1}), [](auto& p) { p.add_int_val(-1); }), Code::kMalformed,
       "is no UINT8"},
      {"128 as int8", with(Shaped(6, {1}), [](auto& p) { p.add_int_val(128); }), Code::kMalformed,
       "128 is no INT8"},
      {"65536 as half", with(Shaped(19, {1}), [](auto& p) { p.add_half_val(65536); }),
       Code::kMalformed, "is no FP16"},
      {"2 as bool content", with(Shaped(10, {1}), [](auto& p) { p.set_tensor_content("\x02"); }),
       Code::kMalformed, "holds 2"},
      {"floats not packed by four", Bytes{0x08, 1, 0x12, 4, 0x12, 2, 0x08, 1, 0x2a, 3, 1, 2, 3},
       Code::kMalformed, "not packed"},
      {"float as varint", Bytes{0x08, 1, 0x12, 4, 0x12, 2, 0x08, 1, 0x28, 3}, Code::kMalformed,
       "not packed"},
      {"shape as varint", Bytes{0x08, 1, 0x10, 1}, Code::kMalformed, "wire type"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(DecodeTensorProto(row.bytes, kLimit), Fails(row.code, row.text)) << row.name;
  }
}

TEST(TensorProtoTest, ChangedBytesNeverReadOutside) {
  TensorProto proto = Shaped(3, {2, 2});
  for (int i = 0; i < 4; ++i) proto.add_int_val(i * 1000);
  const Bytes bytes = Serialize(proto);
  const auto decode = [](ByteView changed, std::size_t) {
    const Bytes exact = ToBytes(changed);  // so that a sanitizer sees one byte too far
    const auto tensor = DecodeTensorProto(exact, kLimit);
    if (!tensor) return;
    EXPECT_EQ(tensor->view.bytes.size(),
              ByteCount(tensor->view.dtype, tensor->view.shape, kLimit).value());
  };
  strongroom::testing::ForEachTruncation(bytes, decode);
  strongroom::testing::ForEachFlippedByte(bytes, decode, 0x01);
  strongroom::testing::ForEachFlippedByte(bytes, decode, 0x80);
}

}  // namespace
}  // namespace strongroom::serving::api::tfs
