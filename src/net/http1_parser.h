#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/http.h"

namespace strongroom::net {

// The head of an HTTP/1 message. Names are lower case.
struct Http1Head {
  std::string method;  // of requests
  std::string target;
  int status = 0;  // of responses
  int minor = 1;   // HTTP/1.minor
  Headers headers;
  std::optional<std::uint64_t> content_length;
  bool keep_alive = true;
  bool upgrade = false;
};

// What a parser tells while it is fed.
class Http1Events {
 public:
  virtual ~Http1Events() = default;
  virtual void OnHead(Http1Head head) = 0;
  // False: stop parsing, the rest is not wanted.
  virtual bool OnBody(ByteView bytes) = 0;
};

struct Http1ParserLimits {
  std::size_t max_header_bytes;
  std::size_t max_header_count;
};

// One HTTP/1.0 or 1.1 message (Boost.Beast's parser behind the door). Trailer fields count against
// the limits and are dropped.
class Http1Parser {
 public:
  static std::unique_ptr<Http1Parser> ForRequest(Http1Events& events, Http1ParserLimits limits);
  // `no_body`: the response to HEAD, which has headers of a body that does not come.
  static std::unique_ptr<Http1Parser> ForResponse(Http1Events& events, Http1ParserLimits limits,
                                                  bool no_body);
  virtual ~Http1Parser() = default;

  // Returns how many bytes were used; the rest must be given again, with more behind it.
  // kExhausted: a header limit; kMalformed: not HTTP; kCancelled: OnBody said stop.
  virtual Result<std::size_t> Feed(ByteView bytes) = 0;
  // The peer closed: completes a message that is delimited so. kMalformed when one was cut short.
  virtual Status FeedEnd() = 0;

  virtual bool started() const = 0;  // a byte of the message has come
  virtual bool header_done() const = 0;
  virtual bool done() const = 0;
};

}  // namespace strongroom::net
