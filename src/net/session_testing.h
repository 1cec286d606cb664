#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/exchange.h"
#include "net/session.h"

namespace strongroom::net {

// A session's surroundings without sockets, threads or real time.
class FakeHost final : public SessionHost {
 public:
  SteadyTime Now() const override { return now_; }
  bool OnThisThread() const override { return true; }
  void Post(Task task) override { tasks_.push_back(std::move(task)); }
  void Wake() override {}

  void Advance(Milliseconds by) { now_ += by; }
  void RunTasks();

 private:
  SteadyTime now_{std::chrono::hours(1)};
  std::deque<Task> tasks_;
};

// A server session with a few routes and methods, and what it said. Handlers run at once; those of
// GET /wait and POST /keep answer never.
class SessionUnderTest {
 public:
  enum class Protocol { kHttp1, kHttp2 };
  SessionUnderTest(Protocol protocol, Limits limits);
  ~SessionUnderTest();

  // Gives bytes, where it names a place there, runs what was posted, and returns what the session
  // sent since.
  std::string Exchange(std::string_view bytes);
  // Lets time pass, as a connection's timer would.
  std::string After(Milliseconds time);
  // Passes time from one deadline of the session to the next, until it is done, has none, or `most`
  // has passed.
  std::string WaitUntilDone(Milliseconds most);
  std::string Take();
  void End();

  Session& session() { return *session_; }
  FakeHost& host() { return *host_; }
  const std::vector<RequestRecord>& records() const { return records_; }
  std::size_t buffered() const { return bodies_->held(); }
  // Of POST /keep.
  void ForgetKept() { kept_.clear(); }
  // Bytes that were read straight to their place.
  std::size_t placed() const { return placed_; }

 private:
  Limits limits_;
  Dispatcher dispatcher_;
  std::shared_ptr<MemoryBudget> bodies_;
  std::size_t placed_ = 0;
  std::vector<RequestRecord> records_;
  std::vector<Responder> waiting_;
  std::vector<std::pair<Request, Responder>> kept_;
  ServerContext context_;
  std::shared_ptr<FakeHost> host_;
  std::shared_ptr<Session> session_;

  Dispatcher MakeDispatcher();
};

// What POST /digest answers: size and hash.
std::string DigestText(std::string_view body);

// HTTP/2 frames by hand.
struct Frame {
  std::uint8_t type;
  std::uint8_t flags;
  std::uint32_t stream;
  std::string payload;
};
std::string Encode(const Frame& frame);
// What is left over at the end is dropped.
std::vector<Frame> DecodeFrames(std::string_view bytes);
// The client's preface with an empty SETTINGS.
std::string Preface();
// A header block of literal fields that use no table.
std::string Literals(const std::vector<std::pair<std::string, std::string>>& fields);
std::string RequestFields(std::string_view method, std::string_view path,
                          const std::vector<std::pair<std::string, std::string>>& more = {});
std::string GetFrame(std::uint32_t stream, std::string_view path);

inline constexpr std::uint8_t kDataFrame = 0, kHeadersFrame = 1, kPriorityFrame = 2,
                              kResetFrame = 3, kSettingsFrame = 4, kPingFrame = 6, kGoAwayFrame = 7,
                              kWindowFrame = 8, kContinuationFrame = 9;
inline constexpr std::uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8;
inline constexpr std::uint32_t kEnhanceYourCalm = 11;

// The error code of the last GOAWAY; none: there was none.
std::optional<std::uint32_t> GoAwayCode(std::string_view bytes);

}  // namespace strongroom::net
