#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "serving/core/dtype.h"
#include "serving/core/tensor.h"

namespace strongroom::serving::api {

// A tensor of a request: its elements lie in the message where the wire form is the memory form,
// else in `owned`.
struct DecodedTensor {
  TensorView view;
  Bytes owned;
};

// Elements that a protobuf message holds in one repeated numeric field, packed or not.
struct Values {
  ByteView in_message;  // all of them, when they are one packed run of fixed-size numbers
  Bytes owned;          // otherwise
  ByteView bytes() const { return owned.empty() ? in_message : ByteView(owned); }
};

// Collects the elements of field `number` as elements of `dtype`, in order. kMalformed when a
// number does not fit the type or the wire form is another; kExhausted beyond `max_bytes`.
Result<Values> CollectValues(ByteView message, std::uint32_t number, DType dtype,
                             std::size_t max_bytes);

// Packs elements as the protobuf field that CollectValues reads; appends nothing for an empty
// tensor.
class PackedValues {
 public:
  PackedValues(DType dtype, ByteView elements);
  // What stands in the field: the elements themselves where the forms are the same.
  ByteView bytes() const { return packed_.empty() ? elements_ : ByteView(packed_); }

 private:
  ByteView elements_;
  Bytes packed_;
};

// kMalformed when a BOOL tensor holds anything but 0 and 1.
Status CheckBooleans(const TensorView& tensor);

}  // namespace strongroom::serving::api
