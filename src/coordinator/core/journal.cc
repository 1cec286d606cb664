#include "coordinator/core/journal.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/reader.h"

namespace strongroom::coordinator {
namespace {

constexpr std::size_t kMaxBatch = 64;
constexpr std::size_t kMaxCounters = 100'000;

SecretBytes EncodeCounter(std::uint64_t value) {
  Writer w;
  w.U64Le(value);
  return SecretBytes::Adopt(std::move(w).Finish());
}

Result<std::uint64_t> DecodeCounter(ByteView bytes) {
  Reader reader(bytes, "activation counter");
  ASSIGN_OR_RETURN(const std::uint64_t value, reader.U64Le());
  RETURN_IF_ERROR(reader.ExpectEnd());
  return value;
}

}  // namespace

Status Journal::Resume() {
  ASSIGN_OR_RETURN(const std::vector<Record> heads, store_.Read(kAuditHeadName, kAuditHeadName, 1));
  if (heads.size() != 1 || heads.front().name != kAuditHeadName)
    return Untrusted("the stored state has no end of the audit log");
  ASSIGN_OR_RETURN(const AuditHead head, DecodeAuditHead(heads.front().value.Reveal()));
  ASSIGN_OR_RETURN(const std::vector<Record> counters,
                   store_.Read(kCounterPrefix, kCounterPrefix, kMaxCounters));
  const std::lock_guard lock(mutex_);
  tail_.audit = head;
  for (const Record& record : counters) {
    ASSIGN_OR_RETURN(const std::uint64_t value, DecodeCounter(record.value.Reveal()));
    tail_.counters[record.name.substr(kCounterPrefix.size())] = value;
  }
  return {};
}

// Adds a commit's records, counter and audit entries to `change`, in the order in which later ones
// replace earlier ones. Moves `tail` on.
void Journal::Add(Commit& commit, Tail& tail, StateChange& change) const {
  std::ranges::move(commit.records, std::back_inserter(change.records));
  if (commit.counter) {
    const std::uint64_t value = ++tail.counters[*commit.counter];
    change.records.push_back({std::string(kCounterPrefix) + *commit.counter, EncodeCounter(value)});
  }
  for (const AuditEvent& event : commit.events) {
    const std::string text = AuditEntryText(tail.audit, clock_.Now(), event);
    tail.audit = Advance(tail.audit, text);
    change.entries.push_back({tail.audit.sequence, SecretBytes(AsBytes(text))});
  }
}

Status Journal::Create(manifest::SealMode mode, Commit commit) {
  Tail tail;
  StateChange first;
  Add(commit, tail, first);
  first.records.push_back({std::string(kAuditHeadName), EncodeAuditHead(tail.audit)});
  RETURN_IF_ERROR(store_.Create(mode, first));
  {
    const std::lock_guard lock(mutex_);
    tail_ = std::move(tail);
  }
  if (commit.publish) commit.publish();
  return {};
}

void Journal::WriteBatch(const std::vector<Waiting*>& batch) {
  Tail tail;
  {
    const std::lock_guard lock(mutex_);
    tail = tail_;
  }
  StateChange change;
  for (Waiting* waiting : batch) Add(waiting->commit, tail, change);
  change.records.push_back({std::string(kAuditHeadName), EncodeAuditHead(tail.audit)});
  const Status status = store_.Write(change);
  if (status.has_value()) {
    const std::lock_guard lock(mutex_);
    tail_ = std::move(tail);
  }
  for (Waiting* waiting : batch) {
    waiting->status = status;
    if (status.has_value() && waiting->commit.publish) waiting->commit.publish();
  }
}

Status Journal::Write(Commit commit) {
  Waiting self{.commit = std::move(commit)};
  std::unique_lock lock(mutex_);
  queue_.push_back(&self);
  changed_.wait(lock, [&] { return self.done || !writing_; });
  writing_ = writing_ || !self.done;
  while (!self.done) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxBatch));
    const std::vector<Waiting*> batch(queue_.begin(), queue_.begin() + count);
    queue_.erase(queue_.begin(), queue_.begin() + count);
    lock.unlock();
    WriteBatch(batch);
    lock.lock();
    for (Waiting* waiting : batch) waiting->done = true;
    if (self.done) writing_ = false;
    changed_.notify_all();
  }
  return self.status;
}

std::uint64_t Journal::CounterAtStart(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = tail_.counters.find(name);
  return found == tail_.counters.end() ? 0 : found->second;
}

std::size_t Journal::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

AuditHead Journal::head() const {
  const std::lock_guard lock(mutex_);
  return tail_.audit;
}

}  // namespace strongroom::coordinator
