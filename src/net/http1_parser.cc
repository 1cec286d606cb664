#include "net/http1_parser.h"

#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <fmt/format.h>

namespace strongroom::net {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;
using BeastView = boost::beast::string_view;

std::string Lower(BeastView text) {
  std::string out(text.data(), text.size());
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

template <bool kIsRequest>
class BeastParser final : public Http1Parser, private http::basic_parser<kIsRequest> {
  using Base = http::basic_parser<kIsRequest>;

 public:
  BeastParser(Http1Events& events, Http1ParserLimits limits, bool no_body)
      : events_(events), limits_(limits) {
    Base::eager(true);
    Base::skip(no_body);
    Base::body_limit(boost::none);  // the session's
    Base::header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
  }

  Result<std::size_t> Feed(ByteView bytes) override {
    if (bytes.empty()) return 0U;
    // Beast 1.81 asserts that a last chunk it has begun to read goes on with five bytes or more,
    // which a peer can break by sending it byte by byte. No chunked body ends in fewer.
    constexpr std::size_t kShortestEnd = 5;  // "0 CR LF CR LF"
    if (Base::is_header_done() && Base::chunked() && bytes.size() < kShortestEnd) return 0U;
    ErrorCode error;
    const std::size_t used =
        Base::put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    if (error == http::error::need_more) error = {};
    if (!error) return used;
    if (stopped_) return Cancelled("the body is not wanted");
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return Exhausted(fmt::format("header of more than {} bytes", limits_.max_header_bytes));
    }
    if (too_many_)
      return Exhausted(fmt::format("more than {} header fields", limits_.max_header_count));
    return Malformed(fmt::format("not HTTP/1.1: {}", error.message()));
  }

  Status FeedEnd() override {
    ErrorCode error;
    if (!Base::got_some()) return Malformed("the connection ended before a message");
    Base::put_eof(error);
    if (error)
      return Malformed(fmt::format("the connection ended inside a message: {}", error.message()));
    return {};
  }

  bool started() const override { return Base::got_some(); }
  bool header_done() const override { return Base::is_header_done(); }
  bool done() const override { return Base::is_done(); }

 private:
  void on_request_impl(http::verb, BeastView method, BeastView target, int version,
                       ErrorCode&) override {
    head_.method.assign(method.data(), method.size());
    head_.target.assign(target.data(), target.size());
    head_.minor = version % 10;
  }
  void on_response_impl(int status, BeastView, int version, ErrorCode&) override {
    head_.status = status;
    head_.minor = version % 10;
  }
  void on_field_impl(http::field, BeastView name, BeastView value, ErrorCode& error) override {
    if (++fields_ > limits_.max_header_count) {
      too_many_ = true;
      error = http::error::header_limit;
      return;
    }
    if (!told_) head_.headers.Add(Lower(name), std::string(value.data(), value.size()));
  }
  void on_header_impl(ErrorCode&) override {
    head_.keep_alive = Base::keep_alive();
    head_.upgrade = Base::upgrade();
    if (const auto length = Base::content_length()) head_.content_length = *length;
    told_ = true;
    events_.OnHead(std::move(head_));
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(BeastView body, ErrorCode& error) override {
    return TakeBody(body, error);
  }
  void on_chunk_header_impl(std::uint64_t, BeastView, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, ErrorCode& error) override {
    return TakeBody(body, error);
  }
  void on_finish_impl(ErrorCode&) override {}

  std::size_t TakeBody(BeastView body, ErrorCode& error) {
    stopped_ = !events_.OnBody(AsBytes(std::string_view(body.data(), body.size())));
    if (stopped_) error = http::error::body_limit;
    return body.size();
  }

  Http1Events& events_;
  Http1ParserLimits limits_;
  Http1Head head_;
  std::size_t fields_ = 0;
  bool told_ = false;
  bool stopped_ = false;
  bool too_many_ = false;
};

}  // namespace

std::unique_ptr<Http1Parser> Http1Parser::ForRequest(Http1Events& events,
                                                     Http1ParserLimits limits) {
  return std::make_unique<BeastParser<true>>(events, limits, false);
}

std::unique_ptr<Http1Parser> Http1Parser::ForResponse(Http1Events& events, Http1ParserLimits limits,
                                                      bool no_body) {
  return std::make_unique<BeastParser<false>>(events, limits, no_body);
}

}  // namespace strongroom::net
