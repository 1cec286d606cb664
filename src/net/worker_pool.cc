#include "net/worker_pool.h"

#include <utility>

namespace strongroom::net {

WorkerPool::WorkerPool(int threads, std::size_t max_queued, Gauge* in_flight)
    : max_queued_(max_queued), in_flight_(in_flight) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { Work(stop); });
  }
}

WorkerPool::~WorkerPool() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
  // Outside the lock: a dropped task answers its client, which may call back here.
  const std::deque<Task> dropped = std::exchange(queue_, {});
  Count(-static_cast<double>(dropped.size()));
}

void WorkerPool::Count(double change) {
  if (in_flight_ != nullptr) in_flight_->Add(change);
}

bool WorkerPool::HasRoom() {
  const std::lock_guard lock(mutex_);
  return queue_.size() < max_queued_;
}

void WorkerPool::Run(Task task) {
  Count(1);
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
  }
  ready_.notify_one();
}

void WorkerPool::Work(const std::stop_token& stop) {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (!ready_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
    if (stop.stop_requested()) return;
    Task task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
    Count(-1);
  }
}

}  // namespace strongroom::net
