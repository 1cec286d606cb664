#include "net/router.h"

#include <algorithm>
#include <compare>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "base/encoding.h"

namespace strongroom::net {
namespace {

// One segment of a pattern. The kinds are in the order in which they win.
struct Segment {
  enum class Kind { kLiteral, kNameWithSuffix, kName, kRest } kind;
  std::string text;    // of a literal; else the name
  std::string suffix;  // of a name
};

struct Pattern {
  std::vector<Segment> segments;
  std::vector<std::pair<std::string, Router::Route>> methods;
  Router::Route not_allowed;  // answers the other methods
};

[[noreturn]] void AbortOn(std::string_view pattern, const char* why) {
  fmt::print(stderr, "router: pattern \"{}\": {}\n", pattern, why);
  std::abort();
}

std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> out;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

Segment ParseSegment(std::string_view pattern, std::string_view text, bool last) {
  if (!text.starts_with('{')) {
    if (text.find_first_of("{}") != std::string_view::npos)
      AbortOn(pattern, "a brace inside a literal");
    return {Segment::Kind::kLiteral, std::string(text), {}};
  }
  const std::size_t close = text.find('}');
  if (close == std::string_view::npos || close == 1) AbortOn(pattern, "wanted {name}");
  std::string_view name = text.substr(1, close - 1);
  const std::string_view suffix = text.substr(close + 1);
  if (name.ends_with("...")) {
    if (!last || !suffix.empty()) AbortOn(pattern, "{name...} must be the end");
    name.remove_suffix(3);
    return {Segment::Kind::kRest, std::string(name), {}};
  }
  return {suffix.empty() ? Segment::Kind::kName : Segment::Kind::kNameWithSuffix, std::string(name),
          std::string(suffix)};
}

std::vector<Segment> ParsePattern(std::string_view pattern) {
  if (!pattern.starts_with('/')) AbortOn(pattern, "must begin with a slash");
  std::vector<Segment> out;
  const auto parts = Split(pattern);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    out.push_back(ParseSegment(pattern, parts[i], i + 1 == parts.size()));
  }
  return out;
}

using Params = std::vector<std::pair<std::string, std::string>>;

std::string Join(const std::vector<std::string>& parts, std::size_t from) {
  return fmt::format(
      "{}", fmt::join(parts.begin() + static_cast<std::ptrdiff_t>(from), parts.end(), "/"));
}

bool MatchSegment(const Segment& segment, const std::string& part, Params& params) {
  if (segment.kind == Segment::Kind::kLiteral) return part == segment.text;
  if (!part.ends_with(segment.suffix) || part.size() == segment.suffix.size()) return false;
  params.emplace_back(segment.text, part.substr(0, part.size() - segment.suffix.size()));
  return true;
}

std::optional<Params> MatchPattern(const Pattern& pattern, const std::vector<std::string>& parts) {
  Params params;
  for (std::size_t i = 0; i < pattern.segments.size(); ++i) {
    const Segment& segment = pattern.segments[i];
    if (i >= parts.size()) return std::nullopt;
    if (segment.kind == Segment::Kind::kRest) {
      params.emplace_back(segment.text, Join(parts, i));
      return params;
    }
    if (!MatchSegment(segment, parts[i], params)) return std::nullopt;
  }
  if (parts.size() != pattern.segments.size()) return std::nullopt;
  return params;
}

bool Wins(const Pattern& a, const Pattern& b) {
  return std::ranges::lexicographical_compare(
      a.segments, b.segments, {}, [](const Segment& s) { return s.kind; },
      [](const Segment& s) { return s.kind; });
}

AsyncHandler Asynchronous(SyncHandler handler) {
  return [handler = std::move(handler)](Request request, Responder responder) {
    responder.Send(handler(request));
  };
}

Router::Route NotAllowed(const Pattern& pattern) {
  std::string allow;
  for (const auto& [method, route] : pattern.methods) {
    allow += (allow.empty() ? "" : ", ") + method;
  }
  return {Asynchronous([allow](const Request&) {
            Response response = Response::Text(405, "method not allowed\n");
            response.headers.Add("allow", allow);
            return response;
          }),
          {.run_on = RunOn::kLoop},
          pattern.methods.front().second.pattern};
}

const Router::Route* FindMethod(const Pattern& pattern, std::string_view method) {
  for (const auto& [name, route] : pattern.methods) {
    if (name == method) return &route;
  }
  return method == "HEAD" ? FindMethod(pattern, "GET") : nullptr;
}

}  // namespace

struct Router::Impl {
  std::vector<Pattern> patterns;  // the one that wins first
  Route unknown_path{
      Asynchronous([](const Request&) { return Response::Text(404, "not found\n"); }),
      {.run_on = RunOn::kLoop},
      "unknown"};
  std::optional<Route> unknown_method;
};

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

Router& Router::Handle(std::string_view method, std::string_view pattern, SyncHandler handler,
                       RouteOptions options) {
  return HandleAsync(method, pattern, Asynchronous(std::move(handler)), options);
}

Router& Router::HandleAsync(std::string_view method, std::string_view pattern, AsyncHandler handler,
                            RouteOptions options) {
  auto& patterns = impl_->patterns;
  Route route{std::move(handler), options, std::string(pattern)};
  for (Pattern& known : patterns) {
    if (known.methods.front().second.pattern != pattern) continue;
    if (std::ranges::any_of(known.methods, [&](const auto& m) { return m.first == method; })) {
      AbortOn(pattern, "registered twice");
    }
    known.methods.emplace_back(method, std::move(route));
    known.not_allowed = NotAllowed(known);
    return *this;
  }
  Pattern added{ParsePattern(pattern), {}, {}};
  added.methods.emplace_back(method, std::move(route));
  added.not_allowed = NotAllowed(added);
  patterns.insert(std::ranges::upper_bound(patterns, added, Wins), std::move(added));
  return *this;
}

Router& Router::OnUnknownPath(SyncHandler handler) {
  impl_->unknown_path.handler = Asynchronous(std::move(handler));
  return *this;
}

Router& Router::OnUnknownMethod(SyncHandler handler) {
  impl_->unknown_method =
      Route{Asynchronous(std::move(handler)), {.run_on = RunOn::kLoop}, "unknown method"};
  return *this;
}

Router::Match Router::Find(std::string_view method, std::string_view path) const {
  std::vector<std::string> parts;
  for (const std::string_view part : Split(path)) {
    auto decoded = PercentDecode(part);
    if (!decoded) return {&impl_->unknown_path, {}};
    parts.push_back(*std::move(decoded));
  }
  const Route* other_method = nullptr;
  for (const Pattern& pattern : impl_->patterns) {
    auto params = MatchPattern(pattern, parts);
    if (!params) continue;
    if (const Route* route = FindMethod(pattern, method)) return {route, *std::move(params)};
    if (other_method == nullptr) other_method = &pattern.not_allowed;
  }
  if (other_method == nullptr) return {&impl_->unknown_path, {}};
  return {impl_->unknown_method ? &*impl_->unknown_method : other_method, {}};
}

}  // namespace strongroom::net
