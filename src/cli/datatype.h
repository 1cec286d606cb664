#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace strongroom::cli {

// A datatype of fixed size, by its name in the Open Inference Protocol, and what others call it.
struct Datatype {
  std::string_view name;
  std::size_t size;      // bytes of one element
  std::string_view npy;  // NumPy's `descr`; empty where NumPy has no such type
  int tensorflow;        // tensorflow.DataType
};

inline constexpr Datatype kDatatypes[] = {
    {"FP32", 4, "<f4", 1},    {"FP64", 8, "<f8", 2},    {"FP16", 2, "<f2", 19},
    {"BF16", 2, "", 14},      {"INT8", 1, "|i1", 6},    {"INT16", 2, "<i2", 5},
    {"INT32", 4, "<i4", 3},   {"INT64", 8, "<i8", 9},   {"UINT8", 1, "|u1", 4},
    {"UINT16", 2, "<u2", 17}, {"UINT32", 4, "<u4", 22}, {"UINT64", 8, "<u8", 23},
    {"BOOL", 1, "|b1", 10}};

// The row whose `member` is `value`; null when there is none.
template <class T>
constexpr const Datatype* FindDatatype(T Datatype::* member, const T& value) {
  const auto* row = std::ranges::find(kDatatypes, value, member);
  return row == std::end(kDatatypes) ? nullptr : row;
}

}  // namespace strongroom::cli
