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

// Threads for handlers that block or compute. Of those that wait, the one that worked last works
// next: its stack and its share of the heap are still in the caches.
class WorkerPool {
 public:
  // `in_flight`, if not null, counts the tasks that wait or run; it outlives the pool.
  WorkerPool(int threads, std::size_t max_queued, Gauge* in_flight = nullptr);
  ~WorkerPool();  // drops what is queued, waits for what runs

  // Whether fewer than `max_queued` tasks wait. A gauge, not a promise: others may come first.
  bool HasRoom();
  void Run(Task task);

 private:
  struct Worker {
    std::condition_variable ready;
    Task task;  // handed over, to be begun
  };

  void Work(Worker& self);
  void Count(double change);

  std::mutex mutex_;  // all but the threads
  std::deque<Task> queue_;
  std::vector<Worker*> idle_;  // the last one is woken first
  bool stopping_ = false;
  const std::size_t max_queued_;
  Gauge* const in_flight_;
  std::deque<Worker> workers_;
  std::vector<std::jthread> threads_;
};

}  // namespace strongroom::net
