#include "coordinator/core/testing/fakes.h"

#include <algorithm>

namespace strongroom::coordinator::testing {

Store::Found MemoryStore::found() const {
  const std::lock_guard lock(mutex_);
  return found_;
}

Status MemoryStore::Put(const StateChange& change) {
  if (failure_) return std::unexpected(*failure_);
  for (const Record& record : change.records)
    records_.insert_or_assign(record.name, record.value.Clone());
  for (const LogEntry& entry : change.entries) entries_.emplace(entry.number, entry.value.Clone());
  return {};
}

Status MemoryStore::Create(manifest::SealMode mode, const StateChange& first) {
  const std::lock_guard lock(mutex_);
  if (found_ != Found::kNothing) return Precondition("there is state already");
  RETURN_IF_ERROR(Put(first));
  mode_ = mode;
  found_ = Found::kState;
  return {};
}

Status MemoryStore::Write(const StateChange& change) {
  ++writes_;
  hold.wait(true);
  const std::lock_guard lock(mutex_);
  return Put(change);
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

Result<std::vector<LogEntry>> MemoryStore::ReadLog(std::uint64_t from, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  std::vector<LogEntry> out;
  for (auto entry = entries_.lower_bound(from); entry != entries_.end() && out.size() < limit;
       ++entry)
    out.push_back({entry->first, entry->second.Clone()});
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

void MemoryStore::ForgetEntry(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  entries_.erase(number);
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
