#include "cli/tensor.h"

#include <cstring>

#include "base/files.h"
#include "cli/tensor_input.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

using strongroom::testing::Fails;
using strongroom::testing::ForEachFlip;
using strongroom::testing::ForEachTruncation;

template <class T>
Bytes Elements(std::initializer_list<T> values) {
  Bytes out(values.size() * sizeof(T));
  std::memcpy(out.data(), values.begin(), out.size());
  return out;
}

// As numpy.save writes it.
Bytes Npy(std::string header, ByteView data) {
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  const Bytes length = {static_cast<std::uint8_t>(header.size() & 0xff),
                        static_cast<std::uint8_t>(header.size() >> 8)};
  return Concat({AsBytes(std::string_view("\x93NUMPY\x01\x00", 8)), length, AsBytes(header), data});
}

TEST(Npy, ReadsWhatNumPyWrites) {
  const Bytes data = Elements<float>({1.5F, -2, 3, 4, 5, 6});
  ASSERT_OK_AND_ASSIGN(
      const Tensor tensor,
      ParseNpy(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", data)));
  EXPECT_EQ(tensor.datatype, "FP32");
  EXPECT_EQ(tensor.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(tensor.data, data);
  ASSERT_OK_AND_ASSIGN(
      const Tensor scalar,
      ParseNpy(Npy("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", Bytes{7})));
  EXPECT_TRUE(scalar.shape.empty());
  ASSERT_OK_AND_ASSIGN(
      const Tensor empty,
      ParseNpy(Npy("{'descr': '<i8', 'fortran_order': False, 'shape': (0, 5), }", {})));
  EXPECT_TRUE(empty.data.empty());
}

TEST(Npy, WritesWhatItReads) {
  for (const auto& [datatype, size] : {std::pair<std::string, std::size_t>{"FP32", 4},
                                       {"FP64", 8},
                                       {"FP16", 2},
                                       {"INT8", 1},
                                       {"INT16", 2},
                                       {"INT32", 4},
                                       {"INT64", 8},
                                       {"UINT8", 1},
                                       {"UINT16", 2},
                                       {"UINT32", 4},
                                       {"UINT64", 8},
                                       {"BOOL", 1}}) {
    for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{},
                                                   {1},
                                                   {3},
                                                   {2, 0},
                                                   {1, 2, 3},
                                                   std::vector<std::int64_t>(32, 1)}) {
      const Tensor tensor{datatype, shape, Bytes(*ElementCount(shape) * size, 1)};
      ASSERT_OK_AND_ASSIGN(const Bytes file, WriteNpy(tensor));
      EXPECT_EQ((file.size() - tensor.data.size()) % 64, 0U);
      ASSERT_OK_AND_ASSIGN(const Tensor again, ParseNpy(file));
      EXPECT_EQ(again.datatype, datatype);
      EXPECT_EQ(again.shape, shape);
      EXPECT_EQ(again.data, tensor.data);
    }
  }
}

TEST(Npy, WhatWouldNotBeReadBackIsNotWritten) {
  EXPECT_THAT(WriteNpy({"BF16", {2, 3}, Bytes(12)}), Fails(Code::kUnsupported, "BF16"));
  EXPECT_THAT(WriteNpy({"BYTES", {1}, Bytes(1)}), Fails(Code::kUnsupported, "BYTES"));
  EXPECT_THAT(WriteNpy({"", {1}, Bytes(1)}), Fails(Code::kUnsupported, "no .npy form"));
  EXPECT_THAT(WriteNpy({"FP32", {2}, Bytes(4)}),
              Fails(Code::kMalformed, "4 bytes, wanted 8 by its shape"));
  EXPECT_THAT(WriteNpy({"FP32", {-1}, {}}), Fails(Code::kMalformed, "dimension -1"));
  EXPECT_THAT(WriteNpy({"UINT8", std::vector<std::int64_t>(33, 1), Bytes(1)}),
              Fails(Code::kMalformed, "33 dimensions"));
}

TEST(Npy, RefusesWhatItCannotRead) {
  struct Row {
    std::string header, text;
    Code code;
  };
  const Bytes four(4);
  for (const Row& row :
       {Row{"{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "'>f4'",
            Code::kUnsupported},
        Row{"{'descr': '', 'fortran_order': False, 'shape': (1,), }", "type ''",
            Code::kUnsupported},
        Row{"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "'|O'", Code::kUnsupported},
        Row{"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "type",
            Code::kUnsupported},
        Row{"{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "Fortran",
            Code::kUnsupported},
        Row{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "", Code::kMalformed},
        Row{"{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", "", Code::kMalformed},
        Row{"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "tuple of sizes",
            Code::kMalformed},
        Row{"{'descr': '<f4', 'fortran_order': False, 'shape': 1, }", "no tuple", Code::kMalformed},
        Row{"{'descr': '<f4', 'fortran_order': False, 'shape': (1", "does not end",
            Code::kMalformed},
        Row{"{'descr': '<f4', 'fortran_order': False}", "no \"shape\"", Code::kMalformed},
        Row{"{'descr': '<f4', 'fortran_order': False, 'shape': (2000000, 2000000), }", "2^40",
            Code::kMalformed},
        Row{"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
            "tuple of sizes", Code::kMalformed}}) {
    const bool fits = row.header.contains("(), 'x'");
    const Bytes file = Npy(row.header, fits ? ByteView(four).first(3) : ByteView(four));
    EXPECT_THAT(ParseNpy(file), Fails(row.code, row.text)) << row.header;
  }
  EXPECT_THAT(ParseNpy(AsBytes("hello, world")), Fails(Code::kMalformed, "magic"));
  Bytes version = Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", four);
  version[6] = 3;
  EXPECT_THAT(ParseNpy(version), Fails(Code::kUnsupported, "version 3"));
}

TEST(Npy, EveryTruncationAndSurplusIsRefused) {
  Bytes file = Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", Bytes(4));
  ForEachTruncation(file, [](ByteView cut, std::size_t length) {
    EXPECT_FALSE(ParseNpy(cut).has_value()) << length;
  });
  file.push_back(0);
  EXPECT_FALSE(ParseNpy(file).has_value());
}

// A changed byte may make another tensor of it, but a whole one.
void ExpectWhole(const Result<Tensor>& tensor, std::size_t offset) {
  if (!tensor.has_value()) return;
  const auto count = ElementCount(tensor->shape);
  ASSERT_OK(count) << offset;
  EXPECT_EQ(tensor->data.size(), *count * ElementSize(tensor->datatype)) << offset;
}

TEST(Npy, EveryFlippedByteIsRefusedOrAWholeTensor) {
  for (const std::string header : {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': (24,), }"}) {
    ForEachFlip(Npy(header, Bytes(24)), [](ByteView changed, std::size_t offset) {
      const auto tensor = ParseNpy(changed);
      ExpectWhole(tensor, offset);
      if (!tensor.has_value()) return;
      const auto again = ParseNpy(WriteNpy(*tensor).value());
      ASSERT_OK(again) << offset;
      EXPECT_EQ(again->data, tensor->data) << offset;
    });
  }
}

TEST(TensorJson, FloatsComeBackBitForBit) {
  const Tensor tensor{"FP32", {4}, Elements<float>({0.1F, 1e-45F, 3.4028235e38F, -0.0F})};
  ASSERT_OK_AND_ASSIGN(const std::string json, DataAsJson(tensor, false));
  ASSERT_OK_AND_ASSIGN(const Bytes again, DataFromJson(json, "FP32", 4));
  EXPECT_EQ(again, tensor.data);
}

TEST(TensorJson, WritesNestedByShape) {
  const Tensor tensor{"UINT8", {2, 1, 2}, {1, 2, 3, 4}};
  EXPECT_EQ(DataAsJson(tensor, true).value(), "[[[1,2]],[[3,4]]]");
  EXPECT_EQ(DataAsJson(tensor, false).value(), "[1,2,3,4]");
  EXPECT_EQ(DataAsJson(Tensor{"BOOL", {}, {1}}, true).value(), "true");
  EXPECT_EQ(DataAsJson(Tensor{"FP32", {1 << 30, 0}, {}}, true).value(), "[]");
}

TEST(TensorJson, RefusesWhatJsonCannotSayOrTheTypeCannotHold) {
  EXPECT_THAT(DataAsJson(Tensor{"FP32", {1}, Elements<float>({INFINITY})}, false),
              Fails(Code::kUnsupported, "not finite"));
  EXPECT_THAT(DataAsJson(Tensor{"FP16", {1}, Bytes(2)}, false),
              Fails(Code::kUnsupported, "no JSON form"));
  EXPECT_THAT(DataAsJson(Tensor{"FP32", {2}, Bytes(4)}, false),
              Fails(Code::kMalformed, "4 bytes, wanted 8 by its shape"));
  struct Row {
    std::string json, datatype;
  };
  for (const Row& row :
       {Row{"[256]", "UINT8"}, Row{"[-1]", "UINT8"}, Row{"[128]", "INT8"}, Row{"[1.5]", "INT32"},
        Row{"[1e39]", "FP32"}, Row{"[\"1\"]", "FP32"}, Row{"[1]", "BOOL"}, Row{"[true]", "INT8"},
        Row{"[null]", "FP64"}, Row{"[1,2]", "FP32"}, Row{"[]", "FP32"}, Row{"{}", "FP32"}}) {
    EXPECT_FALSE(DataFromJson(row.json, row.datatype, 1).has_value()) << row.json << row.datatype;
  }
}

TEST(TensorInput, ReadsJsonNestedOrFlat) {
  for (const std::string data : {"[[1,2],[3,4]]", "[1,2,3,4]"}) {
    ASSERT_OK_AND_ASSIGN(
        const TensorInput input,
        ParseTensorJson(R"({"name":"x","datatype":"INT16","shape":[2,2],"data":)" + data + "}"));
    EXPECT_EQ(input.first, "x");
    EXPECT_EQ(input.second.data, Elements<std::int16_t>({1, 2, 3, 4}));
  }
  for (const std::string json :
       {R"({"datatype":"FP32","shape":[2],"data":[1]})",
        R"({"datatype":"FP32","shape":2,"data":[1]})",
        R"({"datatype":"FP32","shape":[-1],"data":[1]})", R"({"shape":[1],"data":[1]})",
        R"({"datatype":"FP32","shape":[1],"data":1})",
        R"({"datatype":"TEXT","shape":[1],"data":[1]})", R"([1])",
        R"({"datatype":"FP32","shape":[1]})"}) {
    EXPECT_FALSE(ParseTensorJson(json).has_value()) << json;
  }
}

TEST(TensorInput, TakesRawBytesByDescription) {
  ASSERT_OK_AND_ASSIGN(const Tensor tensor, RawTensor("FP32:1,2", Bytes(8)));
  EXPECT_EQ(tensor.shape, (std::vector<std::int64_t>{1, 2}));
  EXPECT_THAT(RawTensor("FP32:1,2", Bytes(7)), Fails(Code::kMalformed, "7 bytes, wanted 8"));
  EXPECT_THAT(RawTensor("FP31:1", Bytes(4)), Fails(Code::kMalformed, "datatype \"FP31\""));
  for (const std::string description :
       {"FP32:", "FP32:1,", "FP32:a", "FP32:-1", "FP32:1;1", "FP32"}) {
    EXPECT_THAT(RawTensor(description, Bytes(4)), Fails(Code::kMalformed, "wanted sizes like"))
        << description;
  }
}

TEST(TensorInput, EveryCutJsonIsRefusedAndEveryChangedByteGivesAWholeTensorOrNone) {
  const std::string json =
      R"({"name":"x","datatype":"INT16","shape":[2,2],"data":[[1,-2],[3,40]]})";
  ForEachTruncation(AsBytes(json), [](ByteView cut, std::size_t length) {
    EXPECT_FALSE(ParseTensorJson(AsText(cut)).has_value()) << length;
  });
  ForEachFlip(AsBytes(json), [](ByteView changed, std::size_t offset) {
    const auto input = ParseTensorJson(AsText(changed));
    if (input.has_value()) ExpectWhole(input->second, offset);
  });
}

TEST(TensorInput, EveryCutOrChangedDescriptionGivesAWholeTensorOrNone) {
  const std::string description = "UINT16:2,03,4";
  ForEachTruncation(AsBytes(description), [](ByteView cut, std::size_t length) {
    EXPECT_FALSE(RawTensor(AsText(cut), Bytes(48)).has_value()) << length;
  });
  ForEachFlip(AsBytes(description), [](ByteView changed, std::size_t offset) {
    ExpectWhole(RawTensor(AsText(changed), Bytes(48)), offset);
  });
}

TEST(TensorInput, TellsFormatsApart) {
  const TemporaryFolder folder = TemporaryFolder::Make("tensor-input").value();
  const auto put = [&](const std::string& name, ByteView content) {
    EXPECT_OK(WriteFileAtomic(folder.path() / name, content, 0600));
    return (folder.path() / name).string();
  };
  const std::string npy =
      put("a.npy", Npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", Bytes{7}));
  const std::string json = put(
      "a@b.json", AsBytes(" \n{\"name\":\"n\",\"datatype\":\"UINT8\",\"shape\":[1],\"data\":[7]}"));
  const std::string raw = put("raw", Bytes{7});
  struct Row {
    std::string text, name;
  };
  for (const Row& row : {Row{npy, ""}, Row{"x=" + npy, "x"}, Row{json, "n"}, Row{"x=" + json, "x"},
                         Row{raw + "@UINT8:1", ""}, Row{"x=" + raw + "@UINT8:1,1", "x"}}) {
    ASSERT_OK_AND_ASSIGN(const TensorInput input, ReadTensorInput(row.text));
    EXPECT_EQ(input.first, row.name);
    EXPECT_EQ(input.second.data, Bytes{7});
  }
  EXPECT_THAT(ReadTensorInput(raw), Fails(Code::kMalformed, "neither .npy nor JSON"));
  EXPECT_THAT(ReadTensorInput("x=absent"), Fails(Code::kNotFound, "absent"));
}

}  // namespace
}  // namespace strongroom::cli
