#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "coordinator/core/audit.h"
#include "coordinator/core/ports.h"

namespace strongroom::coordinator {

// A change that must be durable before anyone hears of it.
struct Commit {
  std::vector<Record> records = {};
  std::vector<AuditEvent> events = {};
  std::optional<std::string> counter = {};  // a counter that grows by one
  // Makes the change visible. Called once it is durable, in the order in which changes were
  // written; not called when writing failed.
  std::function<void()> publish = {};
};

// The order of all durable changes, and the audit chain. Commits of several threads that wait at
// the same time are written together: one of the waiting threads writes for all, so a slow disk
// costs one write, not one for each.
class Journal {
 public:
  // `store` and `clock` are borrowed for life.
  Journal(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Picks up where the stored state ends. Before any other call, when the store holds state.
  Status Resume();
  // The first write: creates the state. Called once, before Write.
  Status Create(manifest::SealMode mode, Commit commit);
  // Blocks until the commit is durable, or has failed and left nothing.
  Status Write(Commit commit);

  // The value of a durable counter, 0 for a new one. Meant for start-up: while commits are being
  // written the value is about to change.
  std::uint64_t CounterAtStart(const std::string& name) const;
  AuditHead head() const;
  // Commits that have not begun to be written.
  std::size_t waiting() const;

 private:
  struct Waiting {
    Commit commit;
    bool done = false;
    Status status = {};
  };
  struct Tail {
    AuditHead audit;
    manifest::ByName<std::uint64_t> counters;
  };

  void Add(Commit& commit, Tail& tail, StateChange& change) const;
  void WriteBatch(const std::vector<Waiting*>& batch);

  Store& store_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting*> queue_;
  bool writing_ = false;
  Tail tail_;  // of what is durable; changed by the writing thread only, under the mutex
};

inline constexpr std::string_view kCounterPrefix = "activations/";

}  // namespace strongroom::coordinator
