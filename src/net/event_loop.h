#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/files.h"
#include "net/http.h"

namespace strongroom::net {

using Task = std::move_only_function<void()>;

// A file descriptor on a loop, and a timer. All methods on the loop's thread.
class LoopSocket {
 public:
  virtual ~LoopSocket() = default;  // closes; pending callbacks are dropped
  virtual int fd() const = 0;
  // Calls back once, when reading (writing) would not block, or has failed. One wait of a kind at a
  // time.
  virtual void WaitReadable(Task then) = 0;
  virtual void WaitWritable(Task then) = 0;
  // Replaces an earlier time.
  virtual void WaitUntil(SteadyTime time, Task then) = 0;
};

// One thread's readiness, timers and tasks (Boost.Asio behind the door).
class EventLoop {
 public:
  static std::shared_ptr<EventLoop> Make();
  virtual ~EventLoop() = default;

  // Serves until Stop. Tasks still queued afterwards are destroyed with the loop.
  virtual void Run() = 0;

  // From any thread.
  virtual void Post(Task task) = 0;
  virtual void Stop() = 0;
  virtual bool OnThisThread() const = 0;

  // On the loop's thread, or before Run.
  virtual std::unique_ptr<LoopSocket> Adopt(UniqueFd fd) = 0;

  // Memory for one read, shared by all connections of the loop: it stays in the processor's cache.
  virtual std::span<std::uint8_t> scratch() = 0;
};

}  // namespace strongroom::net
