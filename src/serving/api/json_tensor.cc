#include "serving/api/json_tensor.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "base/text.h"

namespace strongroom::serving::api {
namespace {

template <class T>
T Load(ByteView bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

class TensorReader {
 public:
  TensorReader(std::string_view text, DType dtype, std::size_t max_bytes)
      : text_(text), dtype_(dtype), max_bytes_(max_bytes) {}

  Result<JsonTensor> Read() {
    RETURN_IF_ERROR(ReadValue(0));
    SkipSpace();
    if (at_ != text_.size()) return Malformed("tensor has text after its value");
    return std::move(out_);
  }

 private:
  Status ReadValue(std::size_t depth) {
    SkipSpace();
    if (at_ < text_.size() && text_[at_] == '[') return ReadArray(depth);
    if (!rank_known_) {
      rank_known_ = true;
      rank_ = depth;
    }
    if (depth != rank_)
      return Malformed(fmt::format("tensor has values at depth {} and {}", rank_, depth));
    return ReadScalar();
  }

  Status ReadArray(std::size_t depth) {
    if (depth == kMaxRank)
      return Malformed(fmt::format("tensor is nested deeper than {}", kMaxRank));
    ++at_;  // [
    if (out_.shape.size() == depth) out_.shape.push_back(-1);
    std::int64_t count = 0;
    for (SkipSpace(); at_ < text_.size() && text_[at_] != ']'; SkipSpace()) {
      if (count > 0) ++at_;  // ,
      RETURN_IF_ERROR(ReadValue(depth + 1));
      ++count;
    }
    ++at_;  // ]
    std::int64_t& length = out_.shape[depth];
    if (length >= 0 && length != count) {
      return Malformed(
          fmt::format("tensor has {} and {} values at depth {}, wanted the same everywhere", length,
                      count, depth + 1));
    }
    length = count;
    return {};
  }

  Status ReadScalar() {
    const std::size_t begin = at_;
    constexpr std::string_view after = ",]} \t\r\n";
    while (at_ < text_.size() && !after.contains(text_[at_])) ++at_;
    const std::string_view token = text_.substr(begin, at_ - begin);
    if (out_.elements.size() + ElementSize(dtype_) > max_bytes_) {
      return Exhausted(fmt::format("tensor takes more than {} bytes", max_bytes_));
    }
    if (Parse(token)) return {};
    return Malformed(fmt::format("tensor has a value {:.30}, wanted {}", token, DTypeName(dtype_)));
  }

  bool Parse(std::string_view token) {
    switch (dtype_) {
      case DType::kBool: return ParseBool(token);
      case DType::kUint8: return ParseInteger<std::uint8_t>(token);
      case DType::kUint16: return ParseInteger<std::uint16_t>(token);
      case DType::kUint32: return ParseInteger<std::uint32_t>(token);
      case DType::kUint64: return ParseInteger<std::uint64_t>(token);
      case DType::kInt8: return ParseInteger<std::int8_t>(token);
      case DType::kInt16: return ParseInteger<std::int16_t>(token);
      case DType::kInt32: return ParseInteger<std::int32_t>(token);
      case DType::kInt64: return ParseInteger<std::int64_t>(token);
      case DType::kFloat32: return ParseFloat<float>(token);
      case DType::kFloat64: return ParseFloat<double>(token);
      case DType::kFloat16:
      case DType::kBfloat16: return false;
    }
    return false;
  }

  bool ParseBool(std::string_view token) {
    if (token != "true" && token != "false") return false;
    Append(static_cast<std::uint8_t>(token == "true"));
    return true;
  }

  template <class T>
  bool ParseInteger(std::string_view token) {
    const auto value = ParseDecimal<T>(token);
    if (value) Append(*value);
    return value.has_value();
  }

  template <class T>
  bool ParseFloat(std::string_view token) {
    if (token == "\"NaN\"" || token == "\"Infinity\"" || token == "\"-Infinity\"") {
      Append(token == "\"NaN\""        ? std::numeric_limits<T>::quiet_NaN()
             : token == "\"Infinity\"" ? std::numeric_limits<T>::infinity()
                                       : -std::numeric_limits<T>::infinity());
      return true;
    }
    T value = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (end != token.data() + token.size() || token.empty()) return false;
    if (error == std::errc::result_out_of_range) return ParseOutOfRange<T>(token);
    // from_chars also reads words ("nan"), which are not JSON numbers.
    if (error != std::errc() || !std::isfinite(value)) return false;
    Append(value);
    return true;
  }

  // Too small is zero; too large for the type is refused, as nobody means infinity by digits.
  template <class T>
  bool ParseOutOfRange(std::string_view token) {
    double value = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (error == std::errc() && std::abs(value) > 1) return false;
    if (error != std::errc() && !token.contains("e-") && !token.contains("E-")) return false;
    Append(static_cast<T>(error == std::errc() ? value : 0.0));
    return true;
  }

  template <class T>
  void Append(T value) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    out_.elements.insert(out_.elements.end(), bytes, bytes + sizeof value);
  }

  void SkipSpace() {
    constexpr std::string_view space = " \t\r\n";
    while (at_ < text_.size() && space.contains(text_[at_])) ++at_;
  }

  std::string_view text_;
  DType dtype_;
  std::size_t max_bytes_;
  std::size_t at_ = 0;
  bool rank_known_ = false;
  std::size_t rank_ = 0;
  JsonTensor out_;
};

template <class T>
void WriteFloat(JsonWriter& writer, T value) {
  if (std::isnan(value)) {
    writer.String("NaN");
  } else if (std::isinf(value)) {
    writer.String(value > 0 ? "Infinity" : "-Infinity");
  } else {
    char text[40];
    std::string_view digits(
        text, static_cast<std::size_t>(std::to_chars(text, text + 36, value).ptr - text));
    std::string shown(digits);
    if (digits.find_first_of(".e") == std::string_view::npos) shown += ".0";
    writer.Raw(shown);
  }
}

void WriteElement(JsonWriter& writer, const TensorView& tensor, std::size_t index) {
  const ByteView bytes = tensor.bytes;
  switch (tensor.dtype) {
    case DType::kBool: writer.Bool(bytes[index] != 0); break;
    case DType::kUint8: writer.Unsigned(bytes[index]); break;
    case DType::kUint16: writer.Unsigned(Load<std::uint16_t>(bytes, index)); break;
    case DType::kUint32: writer.Unsigned(Load<std::uint32_t>(bytes, index)); break;
    case DType::kUint64: writer.Unsigned(Load<std::uint64_t>(bytes, index)); break;
    case DType::kInt8: writer.Int(Load<std::int8_t>(bytes, index)); break;
    case DType::kInt16: writer.Int(Load<std::int16_t>(bytes, index)); break;
    case DType::kInt32: writer.Int(Load<std::int32_t>(bytes, index)); break;
    case DType::kInt64: writer.Int(Load<std::int64_t>(bytes, index)); break;
    case DType::kFloat32: WriteFloat(writer, Load<float>(bytes, index)); break;
    case DType::kFloat64: WriteFloat(writer, Load<double>(bytes, index)); break;
    case DType::kFloat16:
    case DType::kBfloat16: writer.Null(); break;
  }
}

// Writes what lies below dimension `depth`, starting at element `index`; gives the next element's
// index.
std::size_t WriteNested(JsonWriter& writer, const TensorView& tensor, std::size_t depth,
                        std::size_t index) {
  if (depth == tensor.shape.size()) {
    WriteElement(writer, tensor, index);
    return index + 1;
  }
  writer.Array();
  for (std::int64_t i = 0; i < tensor.shape[depth]; ++i)
    index = WriteNested(writer, tensor, depth + 1, index);
  writer.End();
  return index;
}

}  // namespace

Result<JsonTensor> ReadJsonTensor(std::string_view text, DType dtype, std::size_t max_bytes) {
  return TensorReader(text, dtype, max_bytes).Read();
}

void WriteJsonTensor(JsonWriter& writer, const TensorView& tensor, bool nested) {
  if (nested) {
    WriteNested(writer, tensor, 0, 0);
    return;
  }
  writer.Array();
  for (std::size_t i = 0; i < tensor.bytes.size() / ElementSize(tensor.dtype); ++i)
    WriteElement(writer, tensor, i);
  writer.End();
}

bool HasJsonForm(DType dtype) { return dtype != DType::kFloat16 && dtype != DType::kBfloat16; }

}  // namespace strongroom::serving::api
