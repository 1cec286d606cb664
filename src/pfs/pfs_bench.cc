// Protected files against AES-128-GCM alone: the same 64 MiB, 4 KiB at a time, each under a key of
// its own, by one thread. Ours is everything between a protected file and its plaintext: reading,
// the hash tree, fresh keys, writing. Files are in the page cache or in memory, as figures say.

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "base/entropy.h"
#include "base/files.h"
#include "pfs/file_reader.h"
#include "pfs/file_writer.h"
#include "pfs/testing.h"

namespace strongroom::pfs {
namespace {

constexpr std::size_t kNodes = 16384;
constexpr std::size_t kSize = kNodes * kNodeSize;
constexpr int kRounds = 15;

void Require(const Status& status) {
  if (status.has_value()) return;
  std::fprintf(stderr, "pfs_bench: %s\n", status.error().ToString().c_str());
  std::exit(1);
}

// Of this thread's processor time, kernel included: what others do on the machine does not count.
double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double MegabytesPerSecond(const std::function<void()>& work) {
  const double begin = ThreadSeconds();
  work();
  return static_cast<double>(kSize) / 1e6 / (ThreadSeconds() - begin);
}

// The peer: no file, no tree, keys and tags ready in an array.
class BareGcm {
 public:
  explicit BareGcm(const Bytes& plain)
      : plain_(plain), sealed_(kSize), opened_(kSize), records_(kNodes * kRecordSize) {
    testing::RepeatableEntropy(1).Fill(records_);
    Seal();
  }

  void Seal() {
    for (std::size_t i = 0; i < kNodes; ++i) {
      Require(gcm_.Seal({.key = Key(i), .nonce = nonce_}, Node(plain_, i), Node(sealed_, i),
                        std::span(records_).subspan(i * kRecordSize + kKeySize).first<kTagSize>()));
    }
  }
  void Open() {
    for (std::size_t i = 0; i < kNodes; ++i) {
      Require(gcm_.Open({.key = Key(i), .nonce = nonce_}, Node(sealed_, i),
                        ByteView(records_).subspan(i * kRecordSize + kKeySize, kTagSize),
                        Node(opened_, i)));
    }
  }

 private:
  ByteView Key(std::size_t i) const {
    return ByteView(records_).subspan(i * kRecordSize, kKeySize);
  }
  static ByteView Node(const Bytes& bytes, std::size_t i) {
    return ByteView(bytes).subspan(i * kNodeSize, kNodeSize);
  }
  static std::span<std::uint8_t> Node(Bytes& bytes, std::size_t i) {
    return std::span(bytes).subspan(i * kNodeSize, kNodeSize);
  }

  const Bytes& plain_;
  Bytes sealed_;
  Bytes opened_;
  Bytes records_;
  Bytes nonce_ = Bytes(crypto::kGcmNonceSize);
  crypto::AesGcm gcm_;
};

void Print(const char* figure, int round, double ours, double peer) {
  std::printf("%s\t%d\t%.1f\t%.1f\tMB/s\t%.4f\t>=0.8\n", figure, round, ours, peer, ours / peer);
  std::fflush(stdout);
}

void Run() {
  const Bytes plain = testing::Plaintext(kSize);
  const WrapKey key = testing::Key(1);
  SystemEntropy entropy;
  BareGcm bare(plain);
  // A nameless file on a disk; fresh ones stay in the page cache.
  const UniqueFd file(
      open(std::filesystem::temp_directory_path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid()) Require(FromErrno(errno, "a nameless file in the temporary folder"));
  FdSink sink(file.get(), "bench file");
  const MemorySource source(plain);
  Require(EncryptAll(source, sink, key, entropy, {.path = "bench"}));
  Bytes image(static_cast<std::size_t>(*sink.Size()));
  Require(sink.ReadAt(0, image));
  const MemorySource in_memory(image);
  Bytes out(kSize);

  const auto decrypt = [&](const Source& from) {
    const auto reader = FileReader::Open(from, key);
    if (!reader) Require(std::unexpected(reader.error()));
    Require(reader->ReadAll(out, {.threads = 1}));
  };
  for (int round = 1; round <= kRounds; ++round) {
    const double open = MegabytesPerSecond([&] { bare.Open(); });
    Print("pfs decrypt (page cache)", round, MegabytesPerSecond([&] { decrypt(sink); }), open);
    Print("pfs decrypt (memory)", round, MegabytesPerSecond([&] { decrypt(in_memory); }), open);
    const double seal = MegabytesPerSecond([&] { bare.Seal(); });
    Print("pfs encrypt (page cache)", round, MegabytesPerSecond([&] {
            Require(EncryptAll(source, sink, key, entropy, {.path = "bench"}, {.threads = 1}));
          }),
          seal);
  }
  if (out != plain) std::exit(1);
}

}  // namespace
}  // namespace strongroom::pfs

int main() { strongroom::pfs::Run(); }
