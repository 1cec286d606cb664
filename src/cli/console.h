#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace strongroom::cli {

// Where a command speaks. Results go to standard output, everything else to standard error, so that
// output can be piped. With --json the result is one JSON object and errors are one JSON object on
// standard error. Texts for people steer no terminal, whatever is in them (plain_text.h).
class Console {
 public:
  explicit Console(bool json) : json_(json) {}

  bool json() const { return json_; }

  // One line of the result, for people; nothing with --json.
  void Line(std::string_view text);
  // The result for machines; nothing without --json.
  void Json(const JsonWriter& object);
  // Raw bytes of the result, for people and pipes; nothing with --json.
  void Bytes(std::string_view bytes);

  // What a person should know beside the result (standard error; nothing with --json).
  void Note(std::string_view text);
  // The failure, and what to do next when that is known.
  void Failure(const Error& error, std::string_view next = "");

  // True when standard error is a terminal and progress may be drawn.
  bool ShowsProgress() const;
  // Redraws the progress line; an empty text removes it.
  void Progress(std::string_view text);

 private:
  bool json_;
  bool progress_drawn_ = false;
};

}  // namespace strongroom::cli
