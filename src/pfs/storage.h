#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"

namespace strongroom::pfs {

// Bytes to read from, by offset. Safe from many threads at once.
class Source {
 public:
  virtual ~Source() = default;
  virtual Result<std::uint64_t> Size() const = 0;

  // Fills `out`. kMalformed when the source ends before, kInternal when the machine fails.
  virtual Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const = 0;
};

// Bytes to write to, by offset; also read back, which only a writer of very large files does. Safe
// from many threads at once while they write apart.
class Sink : public Source {
 public:
  virtual Status WriteAt(std::uint64_t offset, ByteView bytes) = 0;
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

 private:
  FdSource source_;
  int fd_;
  std::string name_;
};

// Memory that the caller keeps.
class MemorySource final : public Source {
 public:
  explicit MemorySource(ByteView bytes) : bytes_(bytes) {}
  Result<std::uint64_t> Size() const override { return bytes_.size(); }
  Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const override;

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
