#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "base/bytes.h"

namespace strongroom::pfs {

// Copies to the beginning of `to`, which has room. By memcpy: with checked iterators, algorithms go
// byte by byte, which cost a quarter of all decryption time.
inline void CopyBytes(ByteView from, std::span<std::uint8_t> to) {
  const auto room = to.first(from.size());
  if (!from.empty()) std::memcpy(room.data(), from.data(), from.size());
}

// Bytes to read from, by offset. Safe from many threads at once.
class Source {
 public:
  virtual ~Source() = default;
  virtual Result<std::uint64_t> Size() const = 0;

  // Fills `out`. kMalformed when the source ends before, kInternal when the machine fails.
  virtual Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const = 0;

  // The bytes themselves, where they lie in memory that nobody changes meanwhile; else empty, and
  // ReadAt copies them. Never a mapped file: storage could change it between its check and its use.
  virtual ByteView ViewAt(std::uint64_t /*offset*/, std::size_t /*size*/) const { return {}; }
};

// Bytes to write to, by offset; also read back, which only a writer of very large files does. Safe
// from many threads at once while they write apart.
class Sink : public Source {
 public:
  virtual Status WriteAt(std::uint64_t offset, ByteView bytes) = 0;

  // Says that `size` bytes in all will be written, so that room can be set aside at once: cheaper
  // than page by page, and a disk too small is found before the work, as kExhausted. The size of
  // an empty sink may be `size` from then on.
  virtual Status Reserve(std::uint64_t /*size*/) { return {}; }
};

// A file that the caller opened and keeps open; `name` is for messages.
class FdSource final : public Source {
 public:
  FdSource(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  Result<std::uint64_t> Size() const override;
  Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const override;

 private:
  int fd_;
  std::string name_;
};

class FdSink final : public Sink {
 public:
  FdSink(int fd, std::string name) : source_(fd, name), fd_(fd), name_(std::move(name)) {}
  Result<std::uint64_t> Size() const override { return source_.Size(); }
  Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    return source_.ReadAt(offset, out);
  }
  Status WriteAt(std::uint64_t offset, ByteView bytes) override;
  Status Reserve(std::uint64_t size) override;

  // True once this could not be written: then a failure is the output's and not the input's.
  bool failed() const { return failed_; }

 private:
  std::unexpected<Error> Fail(int error_number);

  FdSource source_;
  int fd_;
  std::string name_;
  std::atomic<bool> failed_ = false;
};

// Memory that the caller keeps, and keeps as it is.
class MemorySource final : public Source {
 public:
  explicit MemorySource(ByteView bytes) : bytes_(bytes) {}
  Result<std::uint64_t> Size() const override { return bytes_.size(); }
  Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const override;

  ByteView ViewAt(std::uint64_t offset, std::size_t size) const override;

 private:
  ByteView bytes_;
};

// Grows as it is written; for one thread.
class MemorySink final : public Sink {
 public:
  Result<std::uint64_t> Size() const override { return bytes_.size(); }
  Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const override;
  Status WriteAt(std::uint64_t offset, ByteView bytes) override;

  const Bytes& bytes() const { return bytes_; }
  Bytes Finish() && { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

}  // namespace strongroom::pfs
