#include "cli/tensor.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/json.h"
#include "base/reader.h"
#include "cli/datatype.h"

namespace strongroom::cli {
namespace {

constexpr std::size_t kMaxHeader = 64 * 1024;
constexpr std::size_t kMaxDimensions = 32;  // NumPy's limit
constexpr std::size_t kMaxElements = std::size_t{1} << 40;

// The text after `'key':` in the header's Python dictionary, up to what ends it.
Result<std::string_view> Field(std::string_view header, std::string_view key) {
  const std::string quoted = fmt::format("'{}':", key);
  const std::size_t at = header.find(quoted);
  if (at == std::string_view::npos) return Malformed(fmt::format(".npy header has no \"{}\"", key));
  std::string_view rest = header.substr(at + quoted.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const std::size_t end = rest.starts_with('(') ? rest.find(')') : rest.find_first_of(",}");
  if (end == std::string_view::npos)
    return Malformed(fmt::format(".npy header: \"{}\" does not end", key));
  return rest.substr(0, rest.starts_with('(') ? end + 1 : end);
}

Result<std::vector<std::int64_t>> ParseShape(std::string_view text) {
  std::vector<std::int64_t> shape;
  text.remove_prefix(1);  // (
  while (!text.empty()) {
    text.remove_prefix(std::min(text.find_first_not_of(" ,)"), text.size()));
    if (text.empty()) break;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0)
      return Malformed(".npy header: the shape is no tuple of sizes");
    shape.push_back(value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return shape;
}

template <class T>
T ElementAt(ByteView data, std::size_t index) {
  T value;
  std::memcpy(&value, data.data() + index * sizeof(T), sizeof(T));
  return value;
}

Status AppendElement(JsonWriter& out, const Tensor& tensor, std::size_t i) {
  const std::string& type = tensor.datatype;
  const auto floating = [&](auto value) -> Status {
    if (!std::isfinite(value))
      return Unsupported(fmt::format("element {} is not finite, which JSON cannot say", i));
    if constexpr (sizeof(value) == 4) out.Float(value);
    else out.Double(value);
    return {};
  };
  if (type == "FP32") return floating(ElementAt<float>(tensor.data, i));
  if (type == "FP64") return floating(ElementAt<double>(tensor.data, i));
  if (type == "INT8") out.Int(ElementAt<std::int8_t>(tensor.data, i));
  else if (type == "INT16") out.Int(ElementAt<std::int16_t>(tensor.data, i));
  else if (type == "INT32") out.Int(ElementAt<std::int32_t>(tensor.data, i));
  else if (type == "INT64") out.Int(ElementAt<std::int64_t>(tensor.data, i));
  else if (type == "UINT8") out.Unsigned(ElementAt<std::uint8_t>(tensor.data, i));
  else if (type == "UINT16") out.Unsigned(ElementAt<std::uint16_t>(tensor.data, i));
  else if (type == "UINT32") out.Unsigned(ElementAt<std::uint32_t>(tensor.data, i));
  else if (type == "UINT64") out.Unsigned(ElementAt<std::uint64_t>(tensor.data, i));
  else if (type == "BOOL") out.Bool(ElementAt<std::uint8_t>(tensor.data, i) != 0);
  else return Unsupported(fmt::format("datatype {} has no JSON form", type));
  return {};
}

// Writes the elements of one dimension and those below it.
Status AppendNested(JsonWriter& out, const Tensor& tensor, std::size_t dimension,
                    std::size_t& next) {
  if (dimension == tensor.shape.size()) return AppendElement(out, tensor, next++);
  out.Array();
  for (std::int64_t i = 0; i < tensor.shape[dimension]; ++i) {
    RETURN_IF_ERROR(AppendNested(out, tensor, dimension + 1, next));
  }
  out.End();
  return {};
}

template <class T>
void Append(Bytes& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(T));
  std::memcpy(out.data() + at, &value, sizeof(T));
}

template <class T>
Status AppendInteger(Bytes& out, const Json& value) {
  if constexpr (std::is_signed_v<T>) {
    ASSIGN_OR_RETURN(const std::int64_t n, value.Int());
    if (n < std::numeric_limits<T>::min() || n > std::numeric_limits<T>::max())
      return Malformed("an element does not fit");
    Append(out, static_cast<T>(n));
  } else {
    ASSIGN_OR_RETURN(const std::uint64_t n, value.Unsigned());
    if (n > std::numeric_limits<T>::max()) return Malformed("an element does not fit");
    Append(out, static_cast<T>(n));
  }
  return {};
}

// A float's JSON text is read as a float, so that what was written shortest comes back bit for bit.
template <class T>
Status AppendFloating(Bytes& out, const Json& value) {
  RETURN_IF_ERROR(value.Number());
  const std::string_view text = value.raw();
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return Malformed("an element is out of range");
  Append(out, number);
  return {};
}

Status AppendFromJson(Bytes& out, const Json& value, std::string_view type) {
  if (type == "FP32") return AppendFloating<float>(out, value);
  if (type == "FP64") return AppendFloating<double>(out, value);
  if (type == "INT8") return AppendInteger<std::int8_t>(out, value);
  if (type == "INT16") return AppendInteger<std::int16_t>(out, value);
  if (type == "INT32") return AppendInteger<std::int32_t>(out, value);
  if (type == "INT64") return AppendInteger<std::int64_t>(out, value);
  if (type == "UINT8") return AppendInteger<std::uint8_t>(out, value);
  if (type == "UINT16") return AppendInteger<std::uint16_t>(out, value);
  if (type == "UINT32") return AppendInteger<std::uint32_t>(out, value);
  if (type == "UINT64") return AppendInteger<std::uint64_t>(out, value);
  if (type != "BOOL") return Unsupported(fmt::format("datatype {} has no JSON form", type));
  ASSIGN_OR_RETURN(const bool flag, value.Bool());
  out.push_back(flag ? 1 : 0);
  return {};
}

}  // namespace

std::size_t ElementSize(std::string_view datatype) {
  const Datatype* row = FindDatatype(&Datatype::name, datatype);
  return row == nullptr ? 0 : row->size;
}

Result<std::size_t> ElementCount(const std::vector<std::int64_t>& shape) {
  if (shape.size() > kMaxDimensions) {
    return Malformed(fmt::format("{} dimensions, wanted at most {}", shape.size(), kMaxDimensions));
  }
  std::size_t count = 1;
  for (const std::int64_t dimension : shape) {
    if (dimension < 0) return Malformed(fmt::format("dimension {}, wanted at least 0", dimension));
    if (dimension != 0 && count > kMaxElements / static_cast<std::size_t>(dimension)) {
      return Malformed("the shape has more than 2^40 elements");
    }
    count *= static_cast<std::size_t>(dimension);
  }
  return count;
}

Status CheckLength(const Tensor& tensor) {
  const std::size_t element = ElementSize(tensor.datatype);
  if (element == 0) return Unsupported(fmt::format("datatype \"{}\"", tensor.datatype));
  ASSIGN_OR_RETURN(const std::size_t count, ElementCount(tensor.shape));
  if (tensor.data.size() == count * element) return {};
  return Malformed(
      fmt::format("{} bytes, wanted {} by its shape", tensor.data.size(), count * element));
}

Result<Tensor> ParseNpy(ByteView file) {
  Reader reader(file, ".npy file");
  ASSIGN_OR_RETURN(const ByteView magic, reader.Take(6));
  if (AsText(magic) != "\x93NUMPY") return Malformed("no .npy file: the magic is missing");
  ASSIGN_OR_RETURN(const std::uint8_t major, reader.U8());
  RETURN_IF_ERROR(reader.Skip(1));
  if (major != 1 && major != 2)
    return Unsupported(fmt::format(".npy version {}, wanted 1 or 2", major));
  ASSIGN_OR_RETURN(const ByteView header_bytes,
                   major == 1 ? reader.Prefixed16Le(kMaxHeader) : reader.Prefixed32Le(kMaxHeader));
  const std::string_view header = AsText(header_bytes);
  ASSIGN_OR_RETURN(const std::string_view descr, Field(header, "descr"));
  ASSIGN_OR_RETURN(const std::string_view fortran, Field(header, "fortran_order"));
  ASSIGN_OR_RETURN(const std::string_view shape_text, Field(header, "shape"));
  if (fortran != "False")
    return Unsupported(".npy file is in Fortran order, wanted C order (numpy.ascontiguousarray)");
  const bool is_quoted = descr.size() > 2 && descr.starts_with('\'') && descr.ends_with('\'');
  const Datatype* datatype =
      is_quoted ? FindDatatype(&Datatype::npy, descr.substr(1, descr.size() - 2)) : nullptr;
  if (datatype == nullptr)
    return Unsupported(fmt::format(".npy type {}, wanted a little-endian number or bool", descr));
  if (!shape_text.starts_with('(')) return Malformed(".npy header: the shape is no tuple");
  Tensor tensor{.datatype = std::string(datatype->name), .shape = {}, .data = {}};
  ASSIGN_OR_RETURN(tensor.shape, ParseShape(shape_text));
  ASSIGN_OR_RETURN(const std::size_t count, ElementCount(tensor.shape));
  ASSIGN_OR_RETURN(const ByteView data, reader.Take(count * datatype->size));
  RETURN_IF_ERROR(reader.ExpectEnd());
  tensor.data = ToBytes(data);
  return tensor;
}

Result<Bytes> WriteNpy(const Tensor& tensor) {
  const Datatype* datatype = FindDatatype(&Datatype::name, std::string_view(tensor.datatype));
  if (datatype == nullptr || datatype->npy.empty())
    return Unsupported(fmt::format("datatype {} has no .npy form", tensor.datatype));
  RETURN_IF_ERROR(CheckLength(tensor));
  std::string shape;
  for (const std::int64_t dimension : tensor.shape) shape += fmt::format("{}, ", dimension);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   datatype->npy, shape);
  // Magic, version and length are 10 bytes; the whole is padded to 64 and ends in a line feed.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  Writer out;
  out.Put("\x93NUMPY")
      .U8(1)
      .U8(0)
      .U16Le(static_cast<std::uint16_t>(header.size()))
      .Put(header)
      .Put(tensor.data);
  return std::move(out).Finish();
}

Result<std::string> DataAsJson(const Tensor& tensor, bool nested) {
  ASSIGN_OR_RETURN(const std::size_t count, ElementCount(tensor.shape));
  RETURN_IF_ERROR(CheckLength(tensor));
  JsonWriter out;
  std::size_t next = 0;
  if (nested && count > 0) {  // nothing has no rows to write, however many its shape promises
    RETURN_IF_ERROR(AppendNested(out, tensor, 0, next));
    return std::move(out).Finish();
  }
  out.Array();
  for (std::size_t i = 0; i < count; ++i) RETURN_IF_ERROR(AppendElement(out, tensor, i));
  out.End();
  return std::move(out).Finish();
}

Result<Bytes> DataFromJson(std::string_view json, std::string_view datatype, std::size_t count) {
  ASSIGN_OR_RETURN(const JsonDocument document,
                   JsonDocument::Parse(
                       json, {.max_bytes = 256 << 20, .max_depth = 16, .max_values = 50'000'000}));
  if (document.root().items().size() != count) {
    return Malformed(
        fmt::format("{} elements, wanted {} by the shape", document.root().items().size(), count));
  }
  Bytes out;
  for (const Json& item : document.root().items())
    RETURN_IF_ERROR(AppendFromJson(out, item, datatype));
  return out;
}

}  // namespace strongroom::cli
