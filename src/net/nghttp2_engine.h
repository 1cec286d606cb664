#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "net/buffer.h"
#include "net/nghttp2_internal.h"

// What server and client sessions do alike with nghttp2.
namespace strongroom::net {

// nghttp2's callbacks by the names of its documentation; each returns 0 or an error of nghttp2.
// `body` is what the stream's data provider was made with.
class Nghttp2Events {
 public:
  virtual int OnBeginFrame(const nghttp2_frame_hd&) { return 0; }
  virtual int OnBeginHeaders(const nghttp2_frame&) { return 0; }
  virtual int OnHeader(const nghttp2_frame& frame, std::string_view name,
                       std::string_view value) = 0;
  virtual int OnFrame(const nghttp2_frame& frame) = 0;
  virtual int OnData(std::int32_t id, ByteView bytes) = 0;
  virtual int OnStreamClose(std::int32_t id, std::uint32_t error) = 0;
  virtual int OnFrameSent(const nghttp2_frame&) { return 0; }
  // How many bytes the next DATA frame carries, at most `room`; sets NGHTTP2_DATA_FLAGs.
  virtual ssize_t ReadBody(void* body, std::size_t room, std::uint32_t& flags) = 0;
  // Appends that frame, whose header is given, to what is produced.
  virtual int SendBody(void* body, ByteView frame_header, std::size_t size) = 0;

 protected:
  ~Nghttp2Events() = default;
};

// `events` must outlive the session. They abort where only memory can be missing.
Nghttp2Ptr<nghttp2_session> NewServerSession(Nghttp2Events& events, const nghttp2_option* option);
Nghttp2Ptr<nghttp2_session> NewClientSession(Nghttp2Events& events);
void SubmitSettings(nghttp2_session* session, std::span<const nghttp2_settings_entry> settings,
                    std::uint32_t connection_window);

// A data provider over ReadBody and SendBody. `body` must live as long as its stream.
nghttp2_data_provider BodyProvider(void* body);

// Appends frames to `out` until it holds `enough` bytes or there are none; false when the session
// is broken.
bool ProduceFrames(nghttp2_session* session, Buffer& out, std::size_t enough);

}  // namespace strongroom::net
