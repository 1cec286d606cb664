// Bytes of a hostile client to both server sessions. The first byte chooses the protocol and how
// the rest is cut.

#include "net/session_testing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using strongroom::net::SessionUnderTest;
  if (size < 1) return 0;
  const std::uint8_t choice = data[0];
  strongroom::ByteView rest(data + 1, size - 1);
  const bool http2 = (choice & 1) != 0;
  SessionUnderTest under_test(
      http2 ? SessionUnderTest::Protocol::kHttp2 : SessionUnderTest::Protocol::kHttp1, {});
  if (http2 && (choice & 2) != 0) under_test.Exchange(strongroom::net::Preface());
  const std::size_t step = (choice & 4) != 0 ? 1 + (choice >> 3) : rest.size() + 1;
  while (!rest.empty() && !under_test.session().Done()) {
    const std::size_t n = std::min(step, rest.size());
    under_test.Exchange(strongroom::AsText(rest.first(n)));
    rest = rest.subspan(n);
  }
  // Whatever came: silence ends every connection, and nothing stays buffered that no
  // handler has.
  under_test.WaitUntilDone(strongroom::net::Milliseconds(200'000));
  if (!under_test.session().Done()) __builtin_trap();
  under_test.session().Abandon(strongroom::Error(strongroom::Code::kUnavailable, "the end"));
  under_test.ForgetKept();
  if (under_test.buffered() != 0) __builtin_trap();
  return 0;
}
