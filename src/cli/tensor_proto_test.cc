#include "cli/tensor_proto.h"

#include <functional>

#include "cli/datatype.h"
#include "serving/api/tfs/tensor_proto.h"
#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

using serving::DType;
using strongroom::testing::Fails;
using tensorflow::TensorProto;

// As our model server puts it into an answer.
TensorProto Answered(const serving::TensorView& tensor) {
  ProtoWriter writer;
  serving::api::tfs::EncodeTensorProto(writer, 1, tensor);
  ProtoReader reader(writer.bytes(), "answer");
  TensorProto proto;
  const ByteView bytes = ProtoBytes(reader.Next().value().value(), "answer").value();
  EXPECT_TRUE(proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return proto;
}

TEST(TensorProtoOfAnswers, EveryTypeComesBackAsTheServerHeldIt) {
  for (const DType dtype : serving::kAllDTypes) {
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>{2, 3}, {}, {5}, {0, 4}}) {
      Bytes data(ElementCount(shape).value() * serving::ElementSize(dtype));
      for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<std::uint8_t>(dtype == DType::kBool ? i % 2 : 255 - 37 * i);
      const TensorProto proto =
          Answered({.dtype = dtype, .shape = {shape.begin(), shape.end()}, .bytes = data});
      ASSERT_OK_AND_ASSIGN(const Tensor tensor, FromTensorProto(proto));
      EXPECT_EQ(tensor.datatype, serving::DTypeName(dtype));
      EXPECT_EQ(tensor.shape, shape);
      EXPECT_EQ(tensor.data, data) << tensor.datatype;
    }
  }
}

TEST(TensorProtoOfAnswers, WhatIsAskedTheServerReads) {
  for (const DType dtype : serving::kAllDTypes) {
    const Tensor tensor{
        std::string(serving::DTypeName(dtype)), {2, 2}, Bytes(4 * serving::ElementSize(dtype), 1)};
    ASSERT_OK_AND_ASSIGN(const TensorProto proto, ToTensorProto(tensor));
    const Bytes bytes = ToBytes(proto.SerializeAsString());
    ASSERT_OK_AND_ASSIGN(const auto read, serving::api::tfs::DecodeTensorProto(bytes, 1 << 20));
    EXPECT_EQ(read.view.dtype, dtype);
    EXPECT_EQ(ToBytes(read.view.bytes), tensor.data);
  }
  EXPECT_THAT(ToTensorProto({"BYTES", {1}, {}}), Fails(Code::kUnsupported, "\"BYTES\""));
}

TEST(TensorProtoOfAnswers, ElementsThatDoNotFitAreRefused) {
  struct Row {
    std::string name;
    tensorflow::DataType type;
    std::function<void(TensorProto&)> fill;
    Code code;
    std::string text;
  };
  for (const Row& row : {
           Row{"none", tensorflow::DT_INT64, [](TensorProto&) {}, Code::kMalformed,
               "0 bytes, wanted 8"},
           Row{"too many", tensorflow::DT_BOOL,
               [](TensorProto& p) { p.add_bool_val(true), p.add_bool_val(true); }, Code::kMalformed,
               "2 bytes, wanted 1"},
           Row{"another type's list", tensorflow::DT_INT64,
               [](TensorProto& p) { p.add_int_val(1); }, Code::kMalformed, "0 bytes, wanted 8"},
           Row{"short content", tensorflow::DT_FLOAT,
               [](TensorProto& p) { p.set_tensor_content("123"); }, Code::kMalformed,
               "3 bytes, wanted 4"},
           Row{"large for INT8", tensorflow::DT_INT8, [](TensorProto& p) { p.add_int_val(128); },
               Code::kMalformed, "128 as an element of 8 bits"},
           Row{"negative for UINT16", tensorflow::DT_UINT16,
               [](TensorProto& p) { p.add_int_val(-1); }, Code::kMalformed,
               "-1 as an element of 16 bits"},
           Row{"large for FP16", tensorflow::DT_HALF,
               [](TensorProto& p) { p.add_half_val(65'536); }, Code::kMalformed, "65536"},
           Row{"text", tensorflow::DT_STRING, [](TensorProto& p) { p.add_string_val("a"); },
               Code::kUnsupported, "DataType 7"},
       }) {
    TensorProto proto;
    proto.set_dtype(row.type);
    proto.mutable_tensor_shape()->add_dim()->set_size(1);
    row.fill(proto);
    EXPECT_THAT(FromTensorProto(proto), Fails(row.code, row.text)) << row.name;
  }
}

}  // namespace
}  // namespace strongroom::cli
