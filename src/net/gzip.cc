#include <zlib.h>

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "net/grpc_codec.h"

namespace strongroom::net {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's way to say "gzip header and trailer"
constexpr std::size_t kStep = 64 * 1024;

struct EndInflate {
  void operator()(z_stream* z) const { inflateEnd(z); }
};

}  // namespace

Result<Bytes> GzipPack(ByteView bytes) {
  z_stream z{};
  if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return Internal("no memory to pack");
  }
  Bytes out(deflateBound(&z, static_cast<uLong>(bytes.size())));
  z.next_in = const_cast<Bytef*>(bytes.data());
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = out.data();
  z.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  if (result != Z_STREAM_END) return Internal("packing did not end");
  return out;
}

Result<Buffer> GzipUnpack(ByteView bytes, std::size_t max) {
  z_stream z{};
  if (inflateInit2(&z, kGzipWindow) != Z_OK) return Internal("no memory to unpack");
  const std::unique_ptr<z_stream, EndInflate> end(&z);
  z.next_in = const_cast<Bytef*>(bytes.data());
  z.avail_in = static_cast<uInt>(bytes.size());
  Buffer out;
  Bytes step(std::min(kStep, max + 1));
  for (;;) {
    z.next_out = step.data();
    z.avail_out = static_cast<uInt>(step.size());
    const int result = inflate(&z, Z_NO_FLUSH);
    const std::size_t got = step.size() - z.avail_out;
    if (got > max - out.size())
      return Exhausted(fmt::format("unpacked message of more than {} bytes", max));
    out.Append(ByteView(step).first(got));
    if (result == Z_STREAM_END) break;
    if (result != Z_OK || got == 0) return Malformed("found a broken gzip stream in a message");
  }
  if (z.avail_in != 0) return Malformed("found bytes after a message's gzip stream");
  return out;
}

}  // namespace strongroom::net
