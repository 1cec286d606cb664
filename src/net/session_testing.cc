#include "net/session_testing.h"

#include "base/reader.h"
#include "net/http1_session.h"
#include "net/http2_session.h"

namespace strongroom::net {

void FakeHost::RunTasks() {
  while (!tasks_.empty()) {
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
  }
}

std::string DigestText(std::string_view body) {
  return std::to_string(body.size()) + " " + std::to_string(std::hash<std::string_view>()(body));
}

Dispatcher SessionUnderTest::MakeDispatcher() {
  auto router = std::make_shared<Router>();
  router->Handle("GET", "/hello", [](const Request&) { return Response::Text(200, "hello"); });
  router->Handle(
      "POST", "/echo",
      [](const Request& request) { return Response{.body = ToBytes(request.body.view())}; },
      {.max_body_bytes = 1000});
  router->Handle("POST", "/large",
                 [](const Request& request) {
                   return Response::Text(200, std::to_string(request.body.size()));
                 },
                 {.max_body_bytes = 1 << 30});
  router->Handle("POST", "/digest",
                 [](const Request& request) {
                   return Response::Text(200, DigestText(AsText(request.body.view())));
                 },
                 {.max_body_bytes = 1 << 30});
  router->Handle("GET", "/big",
                 [](const Request&) { return Response{.body = Bytes(1 << 20, 'x')}; });
  router->Handle("GET", "/split", [](const Request&) {
    return Response{.headers = {{"x-evil", "a\r\nset-cookie: b"}}};
  });
  router->HandleAsync("GET", "/wait", [this](Request, Responder responder) {
    waiting_.push_back(std::move(responder));
  });
  router->HandleAsync("POST", "/keep", [this](Request request, Responder responder) {
    kept_.emplace_back(std::move(request), std::move(responder));
  });
  router->HandleAsync("GET", "/drop", [](Request, Responder) {});
  auto service = std::make_shared<GrpcService>();
  service->Handle(
      "/test.Service/Echo",
      [](const GrpcCall&, ByteView message) -> Result<Bytes> { return ToBytes(message); },
      {.max_message_bytes = 1000});
  service->HandleAsync("/test.Service/Drop",
                       [](const GrpcCall&, const GrpcMessage&, GrpcResponder) {});
  return {router, {service}};
}

SessionUnderTest::SessionUnderTest(Protocol protocol, Limits limits)
    : limits_(limits),
      dispatcher_(MakeDispatcher()),
      bodies_(std::make_shared<MemoryBudget>(limits_.max_buffered_bytes)),
      context_{.dispatcher = dispatcher_,
               .limits = limits_,
               .workers = nullptr,
               .bodies = bodies_,
               .observe = [this](const RequestRecord& record) { records_.push_back(record); }},
      host_(std::make_shared<FakeHost>()) {
  const auto connection = std::make_shared<const ConnectionInfo>();
  session_ = protocol == Protocol::kHttp2 ? MakeHttp2ServerSession(context_, host_, connection)
                                          : MakeHttp1ServerSession(context_, host_, connection);
}

SessionUnderTest::~SessionUnderTest() {
  session_->Abandon(Error(Code::kUnavailable, "the test is over"));
  host_->RunTasks();
}

std::string SessionUnderTest::Take() {
  std::string out;
  for (;;) {
    Buffer some;
    session_->Produce(some, 64 * 1024);
    host_->RunTasks();
    if (some.empty()) return out;
    out += AsText(some.view());
  }
}

std::string SessionUnderTest::Exchange(std::string_view bytes) {
  for (ByteView rest = AsBytes(bytes); !rest.empty();) {
    const std::span<std::uint8_t> place = session_->Place();
    const ByteView next =
        rest.first(place.empty() ? rest.size() : std::min(place.size(), rest.size()));
    std::ranges::copy(place.empty() ? ByteView() : next, place.begin());
    if (!place.empty()) placed_ += next.size();
    session_->Receive(place.empty() ? next : ByteView(place.first(next.size())));
    rest = rest.subspan(next.size());
  }
  host_->RunTasks();
  return Take();
}

std::string SessionUnderTest::After(Milliseconds time) {
  host_->Advance(time);
  if (const auto deadline = session_->Deadline(); deadline && host_->Now() >= *deadline)
    session_->OnTime();
  return Take();
}

std::string SessionUnderTest::WaitUntilDone(Milliseconds most) {
  std::string out;
  const SteadyTime until = host_->Now() + most;
  while (!session_->Done()) {
    const auto deadline = session_->Deadline();
    if (!deadline || *deadline > until) break;
    out +=
        After(std::max(Milliseconds(1), std::chrono::ceil<Milliseconds>(*deadline - host_->Now())));
  }
  return out;
}

void SessionUnderTest::End() {
  session_->ReceiveEnd();
  host_->RunTasks();
}

std::string Encode(const Frame& frame) {
  Writer writer;
  writer.U8(static_cast<std::uint8_t>(frame.payload.size() >> 16))
      .U16Be(static_cast<std::uint16_t>(frame.payload.size()));
  writer.U8(frame.type).U8(frame.flags).U32Be(frame.stream).Put(std::string_view(frame.payload));
  return ToText(writer.bytes());
}

std::vector<Frame> DecodeFrames(std::string_view bytes) {
  std::vector<Frame> out;
  Reader reader(AsBytes(bytes), "frames");
  while (reader.remaining() >= 9) {
    const std::size_t high = *reader.U8();
    const std::size_t size = high << 16 | *reader.U16Be();
    Frame frame{*reader.U8(), *reader.U8(), *reader.U32Be(), {}};
    const auto payload = reader.Take(size);
    if (!payload) break;
    frame.payload = ToText(*payload);
    out.push_back(std::move(frame));
  }
  return out;
}

std::string Preface() {
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Encode({kSettingsFrame, 0, 0, ""});
}

std::string Literals(const std::vector<std::pair<std::string, std::string>>& fields) {
  // RFC 7541: an integer with a 7-bit prefix, no Huffman coding.
  const auto put = [](std::string& out, const std::string& text) {
    std::size_t size = text.size();
    if (size < 127) {
      out.push_back(static_cast<char>(size));
    } else {
      out.push_back(127);
      for (size -= 127; size >= 128; size /= 128)
        out.push_back(static_cast<char>(size % 128 + 128));
      out.push_back(static_cast<char>(size));
    }
    out += text;
  };
  std::string out;
  for (const auto& [name, value] : fields) {
    out.push_back(0);  // literal without indexing, new name
    put(out, name);
    put(out, value);
  }
  return out;
}

std::string RequestFields(std::string_view method, std::string_view path,
                          const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::pair<std::string, std::string>> fields = {{":method", std::string(method)},
                                                             {":scheme", "http"},
                                                             {":authority", "test"},
                                                             {":path", std::string(path)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return Literals(fields);
}

std::string GetFrame(std::uint32_t stream, std::string_view path) {
  return Encode({kHeadersFrame, kEndHeaders | kEndStream, stream, RequestFields("GET", path)});
}

std::optional<std::uint32_t> GoAwayCode(std::string_view bytes) {
  std::optional<std::uint32_t> code;
  for (const Frame& frame : DecodeFrames(bytes)) {
    if (frame.type != kGoAwayFrame) continue;
    Reader reader(AsBytes(frame.payload), "GOAWAY");
    if (reader.Skip(4)) code = *reader.U32Be();
  }
  return code;
}

}  // namespace strongroom::net
