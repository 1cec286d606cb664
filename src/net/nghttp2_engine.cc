#include "net/nghttp2_engine.h"

#include <algorithm>
#include <cstdlib>

namespace strongroom::net {
namespace {

constexpr std::size_t kFrameHeader = 9;  // RFC 9113, 4.1
// nghttp2 keeps memory for the largest frame that a session ever sent.
constexpr std::int32_t kLargestSent = 64 << 10;

Nghttp2Events& Events(void* user) { return *static_cast<Nghttp2Events*>(user); }

void SetReceiving(nghttp2_session_callbacks* c) {
  nghttp2_session_callbacks_set_on_begin_frame_callback(
      c, [](nghttp2_session*, const nghttp2_frame_hd* header, void* user) {
        return Events(user).OnBeginFrame(*header);
      });
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      c, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
        return Events(user).OnBeginHeaders(*frame);
      });
  nghttp2_session_callbacks_set_on_header_callback(
      c, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
            std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
            void* user) {
        return Events(user).OnHeader(*frame, AsText({name, name_size}),
                                     AsText({value, value_size}));
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      c, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
        return Events(user).OnFrame(*frame);
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      c, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
            std::size_t size, void* user) { return Events(user).OnData(id, {data, size}); });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      c, [](nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
        return Events(user).OnStreamClose(id, error);
      });
}

// Frames larger than nghttp2's 16 KiB, where the peer takes them.
ssize_t FrameSize(nghttp2_session*, std::uint8_t, std::int32_t, std::int32_t connection_window,
                  std::int32_t stream_window, std::uint32_t peers_limit, void*) {
  return std::min(
      {connection_window, stream_window, kLargestSent, static_cast<std::int32_t>(peers_limit)});
}

void SetSending(nghttp2_session_callbacks* c) {
  nghttp2_session_callbacks_set_data_source_read_length_callback(c, FrameSize);
  nghttp2_session_callbacks_set_on_frame_send_callback(
      c, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
        return Events(user).OnFrameSent(*frame);
      });
  nghttp2_session_callbacks_set_send_data_callback(
      c, [](nghttp2_session*, nghttp2_frame*, const std::uint8_t* header, std::size_t size,
            nghttp2_data_source* source, void* user) {
        return Events(user).SendBody(source->ptr, {header, kFrameHeader}, size);
      });
}

const nghttp2_session_callbacks* Callbacks() {
  // Made once and never freed: sessions may outlive every static.
  static const nghttp2_session_callbacks* const callbacks = [] {
    nghttp2_session_callbacks* c = nullptr;
    if (nghttp2_session_callbacks_new(&c) != 0) std::abort();
    SetReceiving(c);
    SetSending(c);
    return c;
  }();
  return callbacks;
}

}  // namespace

Nghttp2Ptr<nghttp2_session> NewServerSession(Nghttp2Events& events, const nghttp2_option* option) {
  nghttp2_session* session = nullptr;
  if (nghttp2_session_server_new2(&session, Callbacks(), &events, option) != 0) std::abort();
  return Nghttp2Ptr<nghttp2_session>(session);
}

Nghttp2Ptr<nghttp2_session> NewClientSession(Nghttp2Events& events) {
  nghttp2_session* session = nullptr;
  if (nghttp2_session_client_new(&session, Callbacks(), &events) != 0) std::abort();
  return Nghttp2Ptr<nghttp2_session>(session);
}

void SubmitSettings(nghttp2_session* session, std::span<const nghttp2_settings_entry> settings,
                    std::uint32_t connection_window) {
  if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0 ||
      nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                            static_cast<std::int32_t>(connection_window)) != 0) {
    std::abort();
  }
}

nghttp2_data_provider BodyProvider(void* body) {
  nghttp2_data_provider provider{};
  provider.source.ptr = body;
  provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room,
                              std::uint32_t* flags, nghttp2_data_source* source, void* user) {
    return Events(user).ReadBody(source->ptr, room, *flags);
  };
  return provider;
}

bool ProduceFrames(nghttp2_session* session, Buffer& out, std::size_t enough) {
  while (out.size() < enough) {
    const std::uint8_t* data = nullptr;
    const std::size_t before = out.size();
    const ssize_t n = nghttp2_session_mem_send(session, &data);
    if (n < 0) return false;
    out.Append(ByteView(data, static_cast<std::size_t>(n)));
    if (out.size() == before) break;
  }
  return true;
}

}  // namespace strongroom::net
