// What storage may do to a file, and what a holder of the key may. The first byte chooses: 0, the
// rest is the file as it is; 1, the rest changes a small genuine file (offset u32, xor u8, again
// and again); 2, the rest is metadata that gets sealed, then the plaintext of the nodes behind it,
// sealed too: everything the authentication lets through; 3, as 1 with a file of two segments, of
// which parts are read.

#include <algorithm>
#include <cstdlib>

#include "base/reader.h"
#include "pfs/file_reader.h"
#include "pfs/finding.h"
#include "pfs/node_cipher.h"
#include "pfs/testing.h"

namespace strongroom::pfs {
namespace {

const WrapKey& TheKey() {
  static const WrapKey key = testing::Key(1);
  return key;
}

struct GenuineFile {
  explicit GenuineFile(std::size_t size)
      : plain(testing::Plaintext(size)), file(testing::MakeFile(plain, TheKey())) {}
  Bytes plain;
  Bytes file;
};

const GenuineFile& Small() {
  static const GenuineFile genuine(3072 + 3 * 4096 + 17);
  return genuine;
}

const GenuineFile& Large() {
  static const GenuineFile genuine(3072 + 97 * 4096 + 17);
  return genuine;
}

Bytes Changed(Bytes file, ByteView changes) {
  Reader reader(changes);
  while (reader.remaining() >= 5) {
    const std::size_t offset = *reader.U32Le() % file.size();
    file[offset] = static_cast<std::uint8_t>(file[offset] ^ *reader.U8());
  }
  return file;
}

// A file of which every node is authentic. The root's record is set so that node 1 opens.
Bytes SealedByKeyHolder(ByteView content) {
  testing::RepeatableEntropy entropy(1);
  NodeCipher cipher;
  Bytes plain(kMetadataSize);
  std::ranges::copy(content.first(std::min(content.size(), kMetadataSize)), plain.begin());
  content = content.subspan(std::min(content.size(), kMetadataSize));
  Bytes file(kNodeSize);
  while (!content.empty() && file.size() < 8 * kNodeSize) {
    Bytes node(kNodeSize);
    const std::size_t n = std::min(content.size(), kNodeSize);
    std::ranges::copy(content.first(n), node.begin());
    content = content.subspan(n);
    Bytes sealed(kNodeSize);
    const std::span<std::uint8_t> record = std::span(plain).subspan(780, kRecordSize);
    if (file.size() == kNodeSize) {
      if (!cipher.Seal(node, sealed, record, entropy)) std::abort();
    }
    file.insert(file.end(), sealed.begin(), sealed.end());
  }
  Header header;
  const SecretBytes key = DeriveMetadataKey(TheKey(), header.nonce).value();
  crypto::AesGcm gcm;
  const Bytes nonce(crypto::kGcmNonceSize);
  if (!gcm.Seal({.key = key.Reveal(), .nonce = nonce}, plain,
                EncryptedPart(std::span(file).first(kNodeSize), header.format),
                header.tag.writable())) {
    std::abort();
  }
  WriteHeader(header, std::span(file).first(kNodeSize));
  return file;
}

// Reads through every door; what one gives, the others must give.
std::optional<Bytes> ReadWhole(ByteView file) {
  const MemorySource source(file);
  auto reader = FileReader::Open(source, TheKey());
  if (!reader) {
    if (!FindingOf(reader.error())) std::abort();  // memory cannot fail: the file is to blame
    return std::nullopt;
  }
  if (reader->size() > file.size()) std::abort();
  Bytes whole(reader->size());
  const Status all = reader->ReadAll(whole);
  Bytes parts(reader->size());
  Status read = {};
  for (std::size_t at = 0; at < parts.size() && read; at += 5000) {
    read = reader->Read(
        at, std::span(parts).subspan(at, std::min<std::size_t>(5000, parts.size() - at)));
  }
  if (all.has_value() != read.has_value() || (all && whole != parts)) std::abort();
  if (!all) return std::nullopt;
  return whole;
}

// Parts that are given must be genuine.
void ReadParts(ByteView file, const Bytes& plain) {
  const MemorySource source(file);
  auto reader = FileReader::Open(source, TheKey());
  if (!reader) return;
  for (const std::size_t at : {std::size_t{3000}, std::size_t{200'000}, plain.size() - 100}) {
    Bytes part(100);
    if (reader->Read(at, part) && !Equal(part, ByteView(plain).subspan(at, part.size())))
      std::abort();
  }
}

}  // namespace
}  // namespace strongroom::pfs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  if (data[0] == 0) (void)pfs::ReadWhole(rest);
  if (data[0] == 1) {
    const auto read = pfs::ReadWhole(pfs::Changed(pfs::Small().file, rest));
    if (read && *read != pfs::Small().plain) std::abort();  // a forgery
  }
  if (data[0] == 2) (void)pfs::ReadWhole(pfs::SealedByKeyHolder(rest));
  if (data[0] == 3) pfs::ReadParts(pfs::Changed(pfs::Large().file, rest), pfs::Large().plain);
  return 0;
}
