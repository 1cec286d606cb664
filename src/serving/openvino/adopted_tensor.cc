#include "serving/openvino/adopted_tensor.h"

#include <memory>
#include <new>
#include <utility>

namespace strongroom::serving::openvino {
namespace {

// Hands out one buffer, once. Copies share it, as OpenVINO copies allocators.
class AdoptingAllocator {
 public:
  explicit AdoptingAllocator(Buffer buffer)
      : buffer_(std::make_shared<Buffer>(std::move(buffer))) {}

  void* allocate(std::size_t bytes, std::size_t alignment) {
    if (bytes > buffer_->size() || alignment > Buffer::kAlignment) throw std::bad_alloc();
    return buffer_->writable().data();
  }
  void deallocate(void*, std::size_t, std::size_t) noexcept { *buffer_ = Buffer(); }
  bool is_equal(const AdoptingAllocator& other) const { return buffer_ == other.buffer_; }

 private:
  std::shared_ptr<Buffer> buffer_;
};

}  // namespace

ov::Tensor AdoptAsTensor(Buffer buffer) {
  const std::size_t size = buffer.size();
  return ov::Tensor(ov::element::u8, ov::Shape{size},
                    ov::Allocator(AdoptingAllocator(std::move(buffer))));
}

}  // namespace strongroom::serving::openvino
