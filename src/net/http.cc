#include "net/http.h"

#include <algorithm>

namespace strongroom::net {
namespace {

std::optional<std::string_view> FirstOf(
    const std::vector<std::pair<std::string, std::string>>& pairs, std::string_view name) {
  const auto it = std::ranges::find(pairs, name, &std::pair<std::string, std::string>::first);
  if (it == pairs.end()) return std::nullopt;
  return it->second;
}

}  // namespace

void Headers::Set(std::string_view name, std::string value) {
  Remove(name);
  Add(std::string(name), std::move(value));
}

void Headers::Remove(std::string_view name) {
  std::erase_if(fields_, [name](const auto& field) { return field.first == name; });
}

std::optional<std::string_view> Headers::Get(std::string_view name) const {
  return FirstOf(fields_, name);
}

std::optional<std::string_view> Request::Param(std::string_view name) const {
  return FirstOf(params, name);
}

std::optional<std::string_view> Request::Query(std::string_view name) const {
  return FirstOf(query, name);
}

Response Response::Text(int status, std::string_view text) {
  return {.status = status,
          .headers = {{"content-type", "text/plain; charset=utf-8"}},
          .body = ToBytes(text),
          .trailers = {}};
}

Response Response::Json(int status, std::string_view json) {
  return {.status = status,
          .headers = {{"content-type", "application/json"}},
          .body = ToBytes(json),
          .trailers = {}};
}

Responder::Responder(Deliver deliver, Response if_dropped)
    : deliver_(std::move(deliver)), if_dropped_(std::move(if_dropped)) {}

Responder::Responder(Responder&& other) noexcept
    : deliver_(std::exchange(other.deliver_, nullptr)), if_dropped_(std::move(other.if_dropped_)) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this == &other) return *this;
  Drop();
  deliver_ = std::exchange(other.deliver_, nullptr);
  if_dropped_ = std::move(other.if_dropped_);
  return *this;
}

Responder::~Responder() { Drop(); }

void Responder::Drop() {
  if (deliver_) Send(std::move(if_dropped_));
}

void Responder::Send(Response response) {
  if (!deliver_) return;
  const Deliver deliver = std::exchange(deliver_, nullptr);
  deliver(std::move(response));
}

}  // namespace strongroom::net
