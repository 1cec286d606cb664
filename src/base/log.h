#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace strongroom {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

// One named value of a log line. Numbers are given as text by the caller.
struct LogField {
  std::string_view name;
  std::string value;
};

// A program's log, one line an event, on standard error. Made by main and passed by reference; safe
// from any thread.
//   log.Info("activated", {{"marble", type}, {"uuid", uuid}});
// text: `2026-11-21T13:38:55Z info activated marble=server uuid=…`; JSON: one object a line with
// ts, level, program, msg and fields. Control characters are escaped, so that input cannot
// forge lines. Never pass a secret.
// A line is written when the call returns. Where nobody reads what is written, a call waits a
// second, all calls together a hundredth of the time; beyond, lines are lost, and the next that can
// be written is preceded by how many.
class Log {
 public:
  Log(std::string_view program, LogLevel level, LogFormat format);
  // Writes to a file descriptor that the caller owns and keeps open.
  static std::unique_ptr<Log> ToFd(std::string_view program, LogLevel level, LogFormat format,
                                   int fd);
  virtual ~Log();

  void Debug(std::string_view event, std::initializer_list<LogField> fields = {});
  void Info(std::string_view event, std::initializer_list<LogField> fields = {});
  void Warn(std::string_view event, std::initializer_list<LogField> fields = {});
  void Error(std::string_view event, std::initializer_list<LogField> fields = {});

 private:
  struct Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  void Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);
  std::unique_ptr<Impl> impl_;
};

// "debug", "info", "warn", "error"; "text", "json".
Result<LogLevel> ParseLogLevel(std::string_view name);
Result<LogFormat> ParseLogFormat(std::string_view name);

}  // namespace strongroom
