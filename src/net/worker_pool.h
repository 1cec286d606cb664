#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "net/event_loop.h"

namespace strongroom::net {

// Threads for handlers that block or compute.
class WorkerPool {
 public:
  // `in_flight`, if not null, counts the tasks that wait or run; it outlives the pool.
  WorkerPool(int threads, std::size_t max_queued, Gauge* in_flight = nullptr);
  ~WorkerPool();  // drops what is queued, waits for what runs

  // Whether fewer than `max_queued` tasks wait. A gauge, not a promise: others may come first.
  bool HasRoom();
  void Run(Task task);

 private:
  void Work(const std::stop_token& stop);
  void Count(double change);

  std::mutex mutex_;
  std::condition_variable_any ready_;
  std::deque<Task> queue_;
  std::size_t max_queued_;
  Gauge* in_flight_;
  std::vector<std::jthread> threads_;
};

}  // namespace strongroom::net
