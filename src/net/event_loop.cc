#include "net/event_loop.h"

#include <array>
#include <atomic>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace strongroom::net {
namespace {

namespace asio = boost::asio;

class AsioSocket final : public LoopSocket {
 public:
  AsioSocket(asio::io_context& context, UniqueFd fd)
      : descriptor_(context, fd.get()), timer_(context) {
    static_cast<void>(fd.Release());
  }

  int fd() const override { return const_cast<AsioSocket*>(this)->descriptor_.native_handle(); }

  void WaitReadable(Task then) override {
    Wait(asio::posix::stream_descriptor::wait_read, std::move(then));
  }
  void WaitWritable(Task then) override {
    Wait(asio::posix::stream_descriptor::wait_write, std::move(then));
  }

  void WaitUntil(SteadyTime time, Task then) override {
    timer_.expires_at(time);
    timer_.async_wait([then = std::move(then)](const boost::system::error_code& error) mutable {
      if (!error) then();
    });
  }

 private:
  void Wait(asio::posix::stream_descriptor::wait_type what, Task then) {
    descriptor_.async_wait(
        what, [then = std::move(then)](const boost::system::error_code& error) mutable {
          if (error != asio::error::operation_aborted) then();
        });
  }

  asio::posix::stream_descriptor descriptor_;
  asio::steady_timer timer_;
};

class AsioLoop final : public EventLoop {
 public:
  AsioLoop() : context_(1), work_(context_.get_executor()) {}

  void Run() override {
    thread_ = std::this_thread::get_id();
    context_.run();
    // What closed connections left behind holds the loop; let go of it.
    context_.restart();
    context_.poll();
  }
  void Post(Task task) override {
    asio::post(context_, [task = std::move(task)]() mutable { task(); });
  }
  void Stop() override { context_.stop(); }
  bool OnThisThread() const override { return thread_.load() == std::this_thread::get_id(); }

  std::unique_ptr<LoopSocket> Adopt(UniqueFd fd) override {
    return std::make_unique<AsioSocket>(context_, std::move(fd));
  }
  std::span<std::uint8_t> scratch() override { return scratch_; }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::atomic<std::thread::id> thread_{};
  std::array<std::uint8_t, 64 * 1024> scratch_{};
};

}  // namespace

std::shared_ptr<EventLoop> EventLoop::Make() { return std::make_shared<AsioLoop>(); }

}  // namespace strongroom::net
