#include "base/clock.h"

#include <chrono>

#include <fmt/format.h>

namespace strongroom {
namespace {

// Digits of text[from, from+n) as a number, -1 when one is not a digit.
int Digits(std::string_view text, std::size_t from, std::size_t n) {
  int value = 0;
  for (const char c : text.substr(from, n)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

Result<UnixSeconds> ParseRfc3339(std::string_view text) {
  using namespace std::chrono;
  const auto bad = [&] {
    return Malformed(fmt::format("time \"{}\", wanted YYYY-MM-DDThh:mm:ssZ", text.substr(0, 40)));
  };
  if (text.size() != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text[19] != 'Z') {
    return bad();
  }
  const int y = Digits(text, 0, 4), mo = Digits(text, 5, 2), d = Digits(text, 8, 2);
  const int h = Digits(text, 11, 2), mi = Digits(text, 14, 2), s = Digits(text, 17, 2);
  if (y < 0 || mo < 0 || d < 0 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59)
    return bad();
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)},
                            day{static_cast<unsigned>(d)}};
  if (!date.ok()) return bad();
  const auto days = sys_days{date}.time_since_epoch().count();
  return UnixSeconds{std::int64_t{days} * 86400 + h * 3600 + mi * 60 + s};
}

std::string FormatRfc3339(UnixSeconds t) {
  using namespace std::chrono;
  const sys_seconds point{seconds{ToInt(t)}};
  const auto day_point = floor<days>(point);
  const year_month_day date{day_point};
  const hh_mm_ss time{point - day_point};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

UnixSeconds SystemClock::Now() const {
  using namespace std::chrono;
  return UnixSeconds{duration_cast<seconds>(system_clock::now().time_since_epoch()).count()};
}

}  // namespace strongroom
