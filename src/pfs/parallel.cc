#include "pfs/parallel.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/cpus.h"
#include "base/guarded.h"

namespace strongroom::pfs {
namespace {

struct Failure {
  std::uint64_t item;
  Error error;
};

class Work {
 public:
  explicit Work(std::uint64_t count) : count_(count) {}

  void Run(const Worker& worker) {
    while (!stopped_) {
      const std::uint64_t item = next_++;
      if (item >= count_) return;
      if (Status done = worker(item); !done) Fail(item, std::move(done).error());
    }
  }

  Status Outcome() && {
    return first_.With([](std::optional<Failure>& first) -> Status {
      if (first.has_value()) return std::unexpected(std::move(first->error));
      return {};
    });
  }

 private:
  void Fail(std::uint64_t item, Error error) {
    stopped_ = true;
    first_.With([&](std::optional<Failure>& first) {
      if (!first.has_value() || item < first->item) first.emplace(item, std::move(error));
    });
  }

  const std::uint64_t count_;
  std::atomic<std::uint64_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  Guarded<std::optional<Failure>> first_;
};

}  // namespace

Status ForEachItem(std::uint64_t count, unsigned threads,
                   const std::function<Worker()>& make_worker) {
  if (threads == 0) threads = static_cast<unsigned>(AllowedCpus().cpus);
  const std::uint64_t wanted = std::min<std::uint64_t>(threads, count);
  Work work(count);
  {
    std::vector<std::jthread> others;
    for (std::uint64_t i = 1; i < wanted; ++i) {
      try {
        others.emplace_back([&work, &make_worker] { work.Run(make_worker()); });
      } catch (const std::system_error&) {
        break;  // no more threads to be had: those that run do all the work
      }
    }
    work.Run(make_worker());
  }
  return std::move(work).Outcome();
}

}  // namespace strongroom::pfs
