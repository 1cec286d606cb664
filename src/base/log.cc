#include "base/log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <mutex>

#include <climits>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include "base/clock.h"
#include "base/json.h"

namespace strongroom {
namespace {

using Steady = std::chrono::steady_clock;

// Lines straight to a descriptor: nothing is lost when the process is killed after the call, and
// nothing has to be flushed before an exit, an abort or a fork. A log that cannot be written
// (closed pipe, full disk, a pipe that nobody reads) must not stop the program: lines are lost
// then, counted, and the count is told with the first line that can be written again.
class FdSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // `tell` makes the line that says how many were lost.
  FdSink(int fd, std::function<std::string(std::size_t lost)> tell)
      : fd_(fd), tell_(std::move(tell)) {}

 private:
  // How long a stalled reader is waited for: this much at first, and again a hundredth of the time
  // that passed since. Whoever logs, an event loop mostly, cannot lose more by it.
  static constexpr std::chrono::milliseconds kPatience{1000};
  static constexpr int kRegain = 100;

  // The lock is held over the write, as lines would mix without it; what bounds the wait for the
  // write bounds that for the lock.
  void sink_it_(const spdlog::details::log_msg& msg) override {
    if (lost_ > 0) {
      if (!Write((torn_ ? "\n" : "") + tell_(lost_))) return Lose();
      lost_ = 0;
    }
    spdlog::memory_buf_t line;
    formatter_->format(msg, line);
    if (!Write({line.data(), line.size()})) Lose();
  }
  void flush_() override {}

  void Lose() { ++lost_; }

  // False when not all of it could be written. A pipe takes PIPE_BUF bytes at once where it has
  // room; only another process that fills it at this very moment can make that wait.
  bool Write(std::string_view text) {
    bool begun = false;
    while (!text.empty()) {
      if (!WaitForRoom()) return Torn(begun);
      const ssize_t n = write(fd_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Torn(begun);
      begun = true;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    torn_ = false;
    return true;
  }
  bool Torn(bool begun) {
    torn_ = torn_ || begun;
    return false;
  }

  // True when a write does not wait, or fails and tells why.
  bool WaitForRoom() {
    pollfd wish{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (poll(&wish, 1, 0) != 0) return true;
    const auto began = Steady::now();
    patience_ = std::min<Steady::duration>(kPatience, patience_ + (began - waited_) / kRegain);
    const auto end = began + patience_;
    int ready = 0;
    for (auto now = began; ready <= 0 && now < end; now = Steady::now()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now);
      ready = poll(&wish, 1, static_cast<int>(left.count()));
    }
    waited_ = Steady::now();
    patience_ = std::max(end - waited_, Steady::duration::zero());
    return ready > 0;
  }

  const int fd_;
  const std::function<std::string(std::size_t)> tell_;
  std::size_t lost_ = 0;
  bool torn_ = false;  // the last line has no end
  Steady::duration patience_ = kPatience;
  Steady::time_point waited_ = Steady::now();
};

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
  }
  return "error";
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

bool IsPrintableAscii(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c >= 0x7f) return false;
  }
  return true;
}

std::string Quoted(std::string_view text) {
  JsonWriter quoted;
  return std::move(quoted.String(text)).Finish();
}

// Quoted as JSON when it holds anything that could forge a line.
std::string TextEvent(std::string_view event) {
  return IsPrintableAscii(event) ? std::string(event) : Quoted(event);
}

// Quoted as JSON when it holds anything that would confuse a reader of `name=value` lines.
std::string TextValue(std::string_view value) {
  const bool plain = !value.empty() && IsPrintableAscii(value) &&
                     value.find_first_of(" \"=\\") == std::string_view::npos;
  return plain ? std::string(value) : Quoted(value);
}

// One line, without its end.
class LineMaker {
 public:
  LineMaker(std::string_view program, LogFormat format) : program_(program), format_(format) {}

  std::string Make(LogLevel level, std::string_view event,
                   std::initializer_list<LogField> fields) const {
    const std::string now = FormatRfc3339(clock_.Now());
    if (format_ == LogFormat::kJson) {
      JsonWriter line;
      line.Object().Key("ts").String(now).Key("level").String(LevelName(level));
      line.Key("program").String(program_).Key("msg").String(event);
      for (const LogField& field : fields) line.Key(field.name).String(field.value);
      line.End();
      return line.text();
    }
    std::string line = fmt::format("{} {} {}", now, LevelName(level), TextEvent(event));
    for (const LogField& field : fields)
      line += fmt::format(" {}={}", field.name, TextValue(field.value));
    return line;
  }

 private:
  std::string program_;
  LogFormat format_;
  SystemClock clock_;
};

}  // namespace

struct Log::Impl {
  Impl(std::string_view program, LogLevel level, LogFormat format, int fd)
      : lines(program, format),
        logger(std::string(program), std::make_shared<FdSink>(fd, [this](std::size_t lost) {
                 return lines.Make(LogLevel::kWarn, "lines of this log were lost",
                                   {{"lines", fmt::format("{}", lost)}}) +
                        "\n";
               })) {
    logger.set_level(ToSpdlog(level));
    logger.set_pattern("%v");
  }
  const LineMaker lines;
  spdlog::logger logger;
};

Log::Log(std::string_view program, LogLevel level, LogFormat format)
    : impl_(std::make_unique<Impl>(program, level, format, STDERR_FILENO)) {}
Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() = default;

std::unique_ptr<Log> Log::ToFd(std::string_view program, LogLevel level, LogFormat format, int fd) {
  return std::unique_ptr<Log>(new Log(std::make_unique<Impl>(program, level, format, fd)));
}

void Log::Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!impl_->logger.should_log(ToSpdlog(level))) return;
  impl_->logger.log(ToSpdlog(level), impl_->lines.Make(level, event, fields));
}

void Log::Debug(std::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kDebug, event, fields);
}
void Log::Info(std::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kInfo, event, fields);
}
void Log::Warn(std::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kWarn, event, fields);
}
void Log::Error(std::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kError, event, fields);
}

Result<LogLevel> ParseLogLevel(std::string_view name) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    if (name == LevelName(level)) return level;
  }
  return Malformed(fmt::format("log level \"{}\", wanted debug, info, warn or error", name));
}

Result<LogFormat> ParseLogFormat(std::string_view name) {
  if (name == "text") return LogFormat::kText;
  if (name == "json") return LogFormat::kJson;
  return Malformed(fmt::format("log format \"{}\", wanted text or json", name));
}

}  // namespace strongroom
