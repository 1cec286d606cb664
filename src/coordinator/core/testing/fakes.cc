#include "coordinator/core/testing/fakes.h"

#include <algorithm>

namespace strongroom::coordinator::testing {

Store::Found MemoryStore::found() const {
  const std::lock_guard lock(mutex_);
  return found_;
}

Status MemoryStore::Put(const std::vector<Record>& records) {
  if (failure_) return std::unexpected(*failure_);
  for (const Record& record : records) records_.insert_or_assign(record.name, record.value.Clone());
  return {};
}

Status MemoryStore::Create(manifest::SealMode mode, const std::vector<Record>& records) {
  const std::lock_guard lock(mutex_);
  if (found_ != Found::kNothing) return Precondition("there is state already");
  RETURN_IF_ERROR(Put(records));
  mode_ = mode;
  found_ = Found::kState;
  return {};
}

Status MemoryStore::Write(const std::vector<Record>& records) {
  ++writes_;
  hold.wait(true);
  const std::lock_guard lock(mutex_);
  return Put(records);
}

Result<std::vector<Record>> MemoryStore::Read(std::string_view prefix, std::string_view from,
                                              std::size_t limit) {
  const std::lock_guard lock(mutex_);
  std::vector<Record> out;
  for (const auto& [name, value] : records_) {
    if (out.size() == limit) break;
    if (name >= from && name.starts_with(prefix)) out.push_back({name, value.Clone()});
  }
  return out;
}

void MemoryStore::FailWith(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(error);
}

void MemoryStore::SetFound(Found found) {
  const std::lock_guard lock(mutex_);
  found_ = found;
}

void MemoryStore::Forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  records_.erase(name);
}

std::size_t MemoryStore::size() const {
  const std::lock_guard lock(mutex_);
  return records_.size();
}

Result<SecretBytes> FakeSealer::SealingKey(manifest::SealMode mode) {
  Bytes key(16, seed_);
  key[0] = static_cast<std::uint8_t>(mode);
  return SecretBytes::Adopt(std::move(key));
}

}  // namespace strongroom::coordinator::testing
