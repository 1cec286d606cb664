#include "serving/api/typed_values.h"

#include <limits>

#include <fmt/format.h>

#include "base/proto_wire.h"
#include "base/reader.h"

namespace strongroom::serving::api {
namespace {

// How one element stands in a packed field.
ProtoWire WireOf(DType dtype) {
  if (dtype == DType::kFloat32) return ProtoWire::kFixed32;
  if (dtype == DType::kFloat64) return ProtoWire::kFixed64;
  return ProtoWire::kVarint;
}

bool IsSigned(DType dtype) {
  return dtype == DType::kInt8 || dtype == DType::kInt16 || dtype == DType::kInt32 ||
         dtype == DType::kInt64;
}

template <class T>
bool FitsSigned(std::uint64_t value) {
  const auto number = static_cast<std::int64_t>(value);
  return number >= std::numeric_limits<T>::min() && number <= std::numeric_limits<T>::max();
}

bool Fits(DType dtype, std::uint64_t value) {
  switch (dtype) {
    case DType::kBool: return value <= 1;
    case DType::kUint8: return value <= 0xff;
    case DType::kUint16:
    case DType::kFloat16:
    case DType::kBfloat16: return value <= 0xffff;
    case DType::kUint32: return value <= 0xffff'ffff;
    case DType::kInt8: return FitsSigned<std::int8_t>(value);
    case DType::kInt16: return FitsSigned<std::int16_t>(value);
    case DType::kInt32: return FitsSigned<std::int32_t>(value);
    default: return true;
  }
}

class Collector {
 public:
  Collector(DType dtype, std::size_t max_bytes) : dtype_(dtype), max_bytes_(max_bytes) {}

  Status Add(const ProtoField& field) {
    if (field.wire == ProtoWire::kLength) return AddPacked(field.bytes);
    if (field.wire != WireOf(dtype_)) return WrongForm();
    return Append(field.value);
  }

  Values Finish() && {
    if (!in_message_.empty()) return {.in_message = in_message_, .owned = {}};
    return {.in_message = {}, .owned = std::move(owned_)};
  }

 private:
  std::unexpected<Error> WrongForm() const {
    return Malformed(fmt::format("values are not packed as {}", DTypeName(dtype_)));
  }
  std::unexpected<Error> TooMany() const {
    return Exhausted(fmt::format("values take more than {} bytes", max_bytes_));
  }

  Status AddPacked(ByteView packed) {
    if (packed.empty()) return {};
    if (WireOf(dtype_) == ProtoWire::kVarint) return AddVarints(packed);
    if (packed.size() % ElementSize(dtype_) != 0) return WrongForm();
    if (packed.size() > max_bytes_ - std::min(max_bytes_, owned_.size() + in_message_.size())) {
      return TooMany();
    }
    // The usual case is a single run, which needs no copy.
    if (owned_.empty() && in_message_.empty()) {
      in_message_ = packed;
      return {};
    }
    Own();
    owned_.insert(owned_.end(), packed.begin(), packed.end());
    return {};
  }

  Status AddVarints(ByteView packed) {
    ProtoReader reader(packed, "packed values");
    while (!reader.empty()) {
      ASSIGN_OR_RETURN(const std::uint64_t value, reader.Varint());
      RETURN_IF_ERROR(Append(value));
    }
    return {};
  }

  Status Append(std::uint64_t value) {
    if (!Fits(dtype_, value)) {
      return IsSigned(dtype_)
                 ? Malformed(fmt::format("value {} is no {}", static_cast<std::int64_t>(value),
                                         DTypeName(dtype_)))
                 : Malformed(fmt::format("value {} is no {}", value, DTypeName(dtype_)));
    }
    Own();
    const std::size_t size = ElementSize(dtype_);
    if (owned_.size() + size > max_bytes_) return TooMany();
    for (std::size_t i = 0; i < size; ++i)
      owned_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    return {};
  }

  void Own() {
    owned_.insert(owned_.end(), in_message_.begin(), in_message_.end());
    in_message_ = {};
  }

  DType dtype_;
  std::size_t max_bytes_;
  ByteView in_message_;
  Bytes owned_;
};

// The number an element stands for as protobuf writes it: negative ones as 64-bit two's complement.
std::uint64_t LoadForVarint(DType dtype, ByteView element) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < element.size(); ++i) {
    value |= static_cast<std::uint64_t>(element[i]) << (8 * i);
  }
  const std::size_t bits = element.size() * 8;
  if (IsSigned(dtype) && bits < 64 && (value >> (bits - 1)) != 0)
    value |= ~std::uint64_t{0} << bits;
  return value;
}

}  // namespace

Result<Values> CollectValues(ByteView message, std::uint32_t number, DType dtype,
                             std::size_t max_bytes) {
  Collector collector(dtype, max_bytes);
  ProtoReader reader(message, "tensor");
  for (;;) {
    ASSIGN_OR_RETURN(const auto field, reader.Next());
    if (!field) break;
    if (field->number == number) RETURN_IF_ERROR(collector.Add(*field));
  }
  return std::move(collector).Finish();
}

PackedValues::PackedValues(DType dtype, ByteView elements) : elements_(elements) {
  if (WireOf(dtype) != ProtoWire::kVarint || dtype == DType::kBool) return;
  ProtoWriter packed;
  packed.Reserve(elements.size());
  const std::size_t size = ElementSize(dtype);
  for (std::size_t at = 0; at + size <= elements.size(); at += size) {
    packed.RawVarint(LoadForVarint(dtype, elements.subspan(at, size)));
  }
  packed_ = std::move(packed).Finish();
}

Status CheckBooleans(const TensorView& tensor) {
  if (tensor.dtype != DType::kBool) return {};
  for (const std::uint8_t byte : tensor.bytes) {
    if (byte > 1) return Malformed(fmt::format("a BOOL tensor holds {}, wanted 0 or 1", byte));
  }
  return {};
}

}  // namespace strongroom::serving::api
