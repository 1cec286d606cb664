#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"

namespace strongroom::pfs {

// How a bulk operation runs.
struct BulkOptions {
  unsigned threads = 1;  // 0: one for each processor this process may use

  // Called with the plaintext bytes done since the last call, from any of the threads, several
  // times a second on long work. An error stops the operation and is what it returns: the way to
  // cancel.
  std::function<Status(std::uint64_t bytes)> on_progress = {};

  Status Report(std::uint64_t bytes) const { return on_progress ? on_progress(bytes) : Status{}; }
};

// Does one item; called from one thread.
using Worker = std::function<Status(std::uint64_t item)>;

// Calls workers for every item below `count`, each thread with a worker of its own from
// `make_worker` and items in rising order. Stops early on an error and returns that of the lowest
// item that failed. With one thread, runs on the caller's.
Status ForEachItem(std::uint64_t count, unsigned threads,
                   const std::function<Worker()>& make_worker);

}  // namespace strongroom::pfs
