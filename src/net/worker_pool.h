#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "net/event_loop.h"

namespace strongroom::net {

// Threads for handlers that block or compute.
class WorkerPool {
 public:
  WorkerPool(int threads, std::size_t max_queued);
  ~WorkerPool();  // drops what is queued, waits for what runs

  // Whether fewer than `max_queued` tasks wait. A gauge, not a promise: others may come first.
  bool HasRoom();
  void Run(Task task);

 private:
  void Work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any ready_;
  std::deque<Task> queue_;
  std::size_t max_queued_;
  std::vector<std::jthread> threads_;
};

}  // namespace strongroom::net
