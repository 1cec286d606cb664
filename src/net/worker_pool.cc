#include "net/worker_pool.h"

#include <utility>

namespace strongroom::net {

WorkerPool::WorkerPool(int threads, std::size_t max_queued, Gauge* in_flight)
    : max_queued_(max_queued), in_flight_(in_flight) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, &self = workers_.emplace_back()] { Work(self); });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Worker* worker : idle_) worker->ready.notify_one();
  }
  threads_.clear();
  // Outside the lock: a dropped task answers its client, which may call back here.
  while (!queue_.empty()) {
    const std::deque<Task> dropped = std::exchange(queue_, {});
    Count(-static_cast<double>(dropped.size()));
  }
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
  Worker* worker = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (idle_.empty() || stopping_) {  // then the idle ones have gone, or are going
      queue_.push_back(std::move(task));
      return;
    }
    worker = idle_.back();
    idle_.pop_back();
    worker->task = std::move(task);
  }
  worker->ready.notify_one();
}

void WorkerPool::Work(Worker& self) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return;
    if (queue_.empty()) {
      idle_.push_back(&self);
      self.ready.wait(lock, [&] { return stopping_ || self.task != nullptr; });
      if (self.task == nullptr) return;
    } else {
      self.task = std::move(queue_.front());
      queue_.pop_front();
    }
    Task task = std::exchange(self.task, nullptr);
    const bool dropped = stopping_;
    lock.unlock();
    if (!dropped) task();
    task = nullptr;  // what it holds goes before the lock is taken
    Count(-1);
    lock.lock();
  }
}

}  // namespace strongroom::net
