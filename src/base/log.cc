#include "base/log.h"

#include <unistd.h>

#include <mutex>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/json.h"

namespace strongroom {
namespace {

// Lines straight to a descriptor: nothing is lost when the process is killed after the call.
class FdSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FdSink(int fd) : fd_(fd) {}

 private:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    spdlog::memory_buf_t line;
    formatter_->format(msg, line);
    // A log that cannot be written (closed pipe, full disk) must not stop the program.
    (void)WriteAll(fd_, AsBytes({line.data(), line.size()}), "log").has_value();
  }
  void flush_() override {}
  int fd_;
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

}  // namespace

struct Log::Impl {
  Impl(std::string_view program, LogLevel level, LogFormat log_format, int fd)
      : logger(std::string(program), std::make_shared<FdSink>(fd)), format(log_format) {
    logger.set_level(ToSpdlog(level));
    logger.set_pattern("%v");
  }
  spdlog::logger logger;
  LogFormat format;
  SystemClock clock;
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
  const std::string now = FormatRfc3339(impl_->clock.Now());
  if (impl_->format == LogFormat::kJson) {
    JsonWriter line;
    line.Object().Key("ts").String(now).Key("level").String(LevelName(level));
    line.Key("program").String(impl_->logger.name()).Key("msg").String(event);
    for (const LogField& field : fields) line.Key(field.name).String(field.value);
    line.End();
    impl_->logger.log(ToSpdlog(level), line.text());
    return;
  }
  std::string line = fmt::format("{} {} {}", now, LevelName(level), TextEvent(event));
  for (const LogField& field : fields)
    line += fmt::format(" {}={}", field.name, TextValue(field.value));
  impl_->logger.log(ToSpdlog(level), line);
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
void Log::Flush() { impl_->logger.flush(); }

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
