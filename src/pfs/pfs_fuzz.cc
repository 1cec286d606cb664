// What storage may do to a file, and what a holder of the key may. The first byte chooses: 0, the
// rest is the file as it is; 1, the rest changes a genuine file (offset u32, xor u8, again and
// again); 2, the rest is metadata that gets sealed, then the plaintext of the nodes behind it,
// sealed too: everything the authentication lets through.

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

constexpr std::size_t kGenuineSize = 3072 + 100 * 4096 + 17;

const Bytes& GenuinePlain() {
  static const Bytes plain = testing::Plaintext(kGenuineSize);
  return plain;
}

const Bytes& Genuine() {
  static const Bytes file = testing::MakeFile(GenuinePlain(), TheKey());
  return file;
}

Bytes Changed(ByteView changes) {
  Bytes file = Genuine();
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

}  // namespace
}  // namespace strongroom::pfs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  if (data[0] == 0) (void)pfs::ReadWhole(rest);
  if (data[0] == 1) {
    const auto read = pfs::ReadWhole(pfs::Changed(rest));
    if (read && *read != pfs::GenuinePlain()) std::abort();  // a forgery
  }
  if (data[0] == 2) (void)pfs::ReadWhole(pfs::SealedByKeyHolder(rest));
  return 0;
}
