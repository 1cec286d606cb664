#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "coordinator/core/ports.h"

namespace strongroom::coordinator::testing {

// A store in memory that can be made to fail, and that can be opened again.
class MemoryStore final : public Store {
 public:
  Found found() const override;
  Status Create(manifest::SealMode mode, const StateChange& first) override;
  Status Write(const StateChange& change) override;
  Result<std::vector<Record>> Read(std::string_view prefix, std::string_view from,
                                   std::size_t limit) override;
  Result<std::vector<LogEntry>> ReadLog(std::uint64_t from, std::size_t limit) override;

  // What Write and Create answer from now on; OK by default. Nothing is kept then.
  void FailWith(std::optional<Error> error);
  void SetFound(Found found);
  void Forget(const std::string& name);
  void ForgetEntry(std::uint64_t number);
  int writes() const { return writes_; }
  manifest::SealMode mode() const { return mode_; }
  std::size_t size() const;

  // While set, Write waits for it to be cleared: so that commits queue up behind one.
  std::atomic<bool> hold = false;

 private:
  Status Put(const StateChange& change);

  mutable std::mutex mutex_;
  Found found_ = Found::kNothing;
  std::map<std::string, SecretBytes> records_;
  std::map<std::uint64_t, SecretBytes> entries_;
  std::optional<Error> failure_;
  std::atomic<int> writes_ = 0;
  manifest::SealMode mode_ = manifest::SealMode::kProductKey;
};

// A TEE whose sealing key is whatever the test says.
class FakeSealer final : public Sealer {
 public:
  explicit FakeSealer(std::uint8_t seed = 1) : seed_(seed) {}
  Result<SecretBytes> SealingKey(manifest::SealMode mode) override;

 private:
  std::uint8_t seed_;
};

}  // namespace strongroom::coordinator::testing
