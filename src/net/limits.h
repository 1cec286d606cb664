#pragma once

#include <cstddef>
#include <cstdint>

#include "net/http.h"

namespace strongroom::net {

// What a peer may cost a server. Every row is described in docs/protocols/limits.md and has a test.
// What is over a limit is refused with the protocol's own word for it where there is one, else the
// connection is closed.
struct Limits {
  // connections
  std::size_t max_connections = 4096;
  std::size_t max_connections_per_address = 1024;
  Milliseconds handshake_timeout{10'000};  // TLS, from accept
  Milliseconds idle_timeout{120'000};      // no request in progress
  // An HTTP/2 connection this old, give or take a tenth, is told to go (GOAWAY) once what it began
  // is answered, so that clients that balance themselves find new servers. 0: none.
  Milliseconds max_connection_age{0};

  // heads
  Milliseconds header_timeout{10'000};  // from a request's first byte to the end of its header
  std::size_t max_header_bytes = 32 * 1024;
  std::size_t max_header_count = 100;
  std::size_t max_target_bytes = 8 * 1024;

  // bodies; their size is the route's or the method's limit
  Milliseconds body_grace{10'000};  // from the header's end; after it, the rate must hold
  std::size_t min_body_bytes_per_second = 4096;  // a fast start saves up no more than the grace
  // Memory for request bodies of the whole server, of it for one connection's; beyond: 503,
  // RESOURCE_EXHAUSTED.
  std::size_t max_buffered_bytes = 1ULL << 30;
  std::size_t max_buffered_bytes_per_connection = 512ULL << 20;
  // A response must be taken off us: this long without the peer accepting one byte ends the
  // connection.
  Milliseconds write_timeout{30'000};

  // answers
  Milliseconds handler_timeout{60'000};    // when neither the route nor grpc-timeout says less
  std::size_t max_queued_requests = 1024;  // waiting for a worker; beyond: 503, RESOURCE_EXHAUSTED

  // HTTP/2
  std::uint32_t max_concurrent_streams = 128;
  std::uint32_t max_frame_bytes = 256 << 10;  // large: the rest of a frame is read into its body
  std::uint32_t stream_window = 8 << 20;
  std::uint32_t connection_window = 16 << 20;
  // Streams the client opened and reset before we answered: this many at once, then this many a
  // second (CVE-2023-44487).
  double reset_burst = 200;
  double resets_per_second = 20;
  std::size_t max_continuations = 8;  // frames of one header block (CVE-2024-28182)
  // Frames that move nothing forward (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA):
  // this many at once, then this many a second, plus four for each finished request and one
  // for each 1 KB of response taken.
  double idle_frame_burst = 2000;
  double idle_frames_per_second = 200;
};

}  // namespace strongroom::net
