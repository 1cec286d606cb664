#include "cli/console.h"

#include <unistd.h>

#include <cstdio>

#include "base/files.h"
#include "cli/plain_text.h"

namespace strongroom::cli {
namespace {

// A reader that went away (a closed pipe) is no failure of the command.
void Write(int fd, std::string_view text) {
  (void)WriteAll(fd, AsBytes(text), "output").has_value();
}

// Whatever is in it, it stays text.
void WriteText(int fd, std::string_view text) { Write(fd, PlainText(text) + "\n"); }

}  // namespace

void Console::Line(std::string_view text) {
  if (json_) return;
  Progress("");
  WriteText(STDOUT_FILENO, text);
}

void Console::Json(const JsonWriter& object) {
  if (!json_) return;
  Progress("");
  Write(STDOUT_FILENO, object.text() + "\n");
}

void Console::Bytes(std::string_view bytes) {
  if (!json_) Write(STDOUT_FILENO, bytes);
}

void Console::Note(std::string_view text) {
  if (json_) return;
  Progress("");
  WriteText(STDERR_FILENO, text);
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
  std::string text = "strongroom: " + error.message();
  if (!next.empty()) text += "\nnext: " + std::string(next);
  WriteText(STDERR_FILENO, text);
}

bool Console::ShowsProgress() const { return !json_ && isatty(STDERR_FILENO) == 1; }

void Console::Progress(std::string_view text) {
  if (!ShowsProgress() || (text.empty() && !progress_drawn_)) return;
  Write(STDERR_FILENO, "\r\033[K" + OneLine(text));
  progress_drawn_ = !text.empty();
}

}  // namespace strongroom::cli
