#include "cli/console.h"

#include <unistd.h>

#include <cstdio>

#include "base/files.h"

namespace strongroom::cli {
namespace {

// A reader that went away (a closed pipe) is no failure of the command.
void Write(int fd, std::string_view text) {
  (void)WriteAll(fd, AsBytes(text), "output").has_value();
}

}  // namespace

void Console::Line(std::string_view text) {
  if (json_) return;
  Progress("");
  Write(STDOUT_FILENO, std::string(text) + "\n");
}

void Console::Json(const JsonWriter& object) {
  if (!json_) return;
  Progress("");
  Write(STDOUT_FILENO, object.text() + "\n");
}

void Console::Bytes(std::string_view bytes) { Write(STDOUT_FILENO, bytes); }

void Console::Note(std::string_view text) {
  if (json_) return;
  Progress("");
  Write(STDERR_FILENO, std::string(text) + "\n");
}

void Console::Failure(const Error& error, std::string_view next) {
  Progress("");
  if (json_) {
    JsonWriter out;
    out.Object().Key("error").Object();
    out.Key("code").String(CodeName(error.code())).Key("message").String(error.message());
    if (!error.finding().empty()) out.Key("finding").String(error.finding());
    if (!next.empty()) out.Key("next").String(next);
    out.End().End();
    Write(STDERR_FILENO, out.text() + "\n");
    return;
  }
  std::string text = "strongroom: " + error.message() + "\n";
  if (!next.empty()) text += "next: " + std::string(next) + "\n";
  Write(STDERR_FILENO, text);
}

bool Console::ShowsProgress() const { return !json_ && isatty(STDERR_FILENO) == 1; }

void Console::Progress(std::string_view text) {
  if (!ShowsProgress() || (text.empty() && !progress_drawn_)) return;
  Write(STDERR_FILENO, "\r\033[K" + std::string(text));
  progress_drawn_ = !text.empty();
}

}  // namespace strongroom::cli
