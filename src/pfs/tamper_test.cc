#include <algorithm>

#include "pfs/file_reader.h"
#include "pfs/finding.h"
#include "pfs/testing.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::pfs {
namespace {

using strongroom::testing::ForEachFlippedByte;
using strongroom::testing::ForEachTruncation;
using testing::Key;
using testing::MakeFile;
using testing::Plaintext;

constexpr std::string_view kPath = "m/1/model.bin";

// Opens and reads everything. On failure the buffer must hold nothing.
Result<Bytes> ReadWhole(ByteView file, const WrapKey& key = Key(1), std::string_view path = kPath) {
  const MemorySource source(file);
  ASSIGN_OR_RETURN(const FileReader reader, FileReader::Open(source, key, path));
  Bytes out(reader.size(), 0xaa);
  if (Status read = reader.ReadAll(out); !read) {
    EXPECT_TRUE(std::ranges::all_of(out, [](std::uint8_t b) { return b == 0; }));
    return std::unexpected(read.error());
  }
  return out;
}

std::optional<Finding> FindingIn(const Result<Bytes>& result) {
  return result.has_value() ? std::nullopt : FindingOf(result.error());
}

// What a change at `offset` must be taken for; nothing where the format leaves a byte unprotected
// (and every reader ignores it).
std::optional<Finding> ExpectedAt(std::size_t offset, Format format) {
  const std::size_t header = format == Format::kGramine1 ? 58 : 59;
  if (offset >= kNodeSize) return Finding::kTamperedNode;
  if (offset < 8) return Finding::kNotAProtectedFile;
  if (offset == 8) return Finding::kUnsupportedVersion;
  if (offset == 9) return std::nullopt;                                  // minor version
  if (format == Format::kGramine2 && offset == 58) return std::nullopt;  // feature flags
  if (offset < header + kMetadataSize) return Finding::kWrongKeyOrTamperedMetadata;
  return std::nullopt;  // padding
}

TEST(Tamper, AFlippedByteAnywhereIsFoundOrChangesNothing) {
  for (const Format format : {Format::kGramine1, Format::kGramine2}) {
    for (const std::size_t size : {0UL, 100UL, 3072UL, 3073UL, 9000UL}) {
      const Bytes plain = Plaintext(size);
      const Bytes file = MakeFile(plain, Key(1), kPath, format);
      ForEachFlippedByte(
          file,
          [&](ByteView mutated, std::size_t offset) {
            const auto read = ReadWhole(mutated);
            const auto expected = ExpectedAt(offset, format);
            ASSERT_EQ(FindingIn(read), expected)
                << FormatName(format) << " size " << size << " offset " << offset;
            if (!expected) {
              ASSERT_TRUE(read.has_value() && *read == plain) << offset;
            }
          },
          0x80);
    }
  }
}

TEST(Tamper, VersionsOneAndTwoAreNotMistakenForEachOther) {
  Bytes file = MakeFile(Plaintext(100), Key(1));
  file[8] = 1;
  EXPECT_EQ(FindingIn(ReadWhole(file)), Finding::kWrongKeyOrTamperedMetadata);
  file[8] = 3;
  EXPECT_EQ(FindingIn(ReadWhole(file)), Finding::kUnsupportedVersion);
}

TEST(Tamper, EveryTruncationOfASmallFileIsFound) {
  const Bytes file = MakeFile(Plaintext(9000), Key(1));
  ForEachTruncation(file, [](ByteView mutated, std::size_t length) {
    ASSERT_EQ(FindingIn(ReadWhole(mutated)),
              length < 8 ? Finding::kNotAProtectedFile : Finding::kTruncated)
        << length;
  });
}

TEST(Tamper, EveryMissingNodeOfALargeFileIsFoundWhenItIsOpened) {
  const Bytes file = MakeFile(Plaintext(3072 + 200 * 4096), Key(1));
  for (std::size_t nodes = 1; nodes < file.size() / kNodeSize; ++nodes) {
    const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(nodes * kNodeSize));
    const MemorySource source(cut);
    const auto opened = FileReader::Open(source, Key(1), kPath);
    ASSERT_FALSE(opened.has_value());
    ASSERT_EQ(FindingOf(opened.error()), Finding::kTruncated) << nodes;
  }
}

TEST(Tamper, SurplusNodesAreIgnoredAndCounted) {
  Bytes file = MakeFile(Plaintext(5000), Key(1));
  file.resize(file.size() + 3 * kNodeSize, 0x77);
  const MemorySource source(file);
  ASSERT_OK_AND_ASSIGN(const FileReader reader, FileReader::Open(source, Key(1), kPath));
  EXPECT_EQ(reader.surplus_nodes(), 3U);
  EXPECT_OK(ReadWhole(file));
}

void SwapNodes(Bytes& file, std::size_t a, std::size_t b) {
  std::swap_ranges(file.begin() + static_cast<std::ptrdiff_t>(a * kNodeSize),
                   file.begin() + static_cast<std::ptrdiff_t>((a + 1) * kNodeSize),
                   file.begin() + static_cast<std::ptrdiff_t>(b * kNodeSize));
}

TEST(Tamper, SwappedNodesAreFoundOfEveryKind) {
  const Bytes genuine = MakeFile(Plaintext(3072 + 300 * 4096), Key(1));
  // data with data of one segment, of two; tree with data; tree with tree; root with data
  for (const auto& [a, b] :
       {std::pair{2UL, 3UL}, {2UL, 99UL}, {98UL, 99UL}, {98UL, 195UL}, {1UL, 2UL}}) {
    Bytes file = genuine;
    SwapNodes(file, a, b);
    EXPECT_EQ(FindingIn(ReadWhole(file)), Finding::kTamperedNode) << a << " " << b;
  }
  Bytes file = genuine;
  SwapNodes(file, 0, 1);
  EXPECT_EQ(FindingIn(ReadWhole(file)), Finding::kNotAProtectedFile);
}

TEST(Tamper, ANodeOfAnotherFileOfTheSameKeyIsFound) {
  const Bytes a = MakeFile(Plaintext(9000, 1), Key(1));
  const Bytes b = MakeFile(Plaintext(9000, 2), Key(1), "m/2/model.bin");
  for (std::size_t node = 1; node < a.size() / kNodeSize; ++node) {
    Bytes mixed = a;
    const auto at = static_cast<std::ptrdiff_t>(node * kNodeSize);
    std::copy_n(b.begin() + at, kNodeSize, mixed.begin() + at);
    EXPECT_EQ(FindingIn(ReadWhole(mixed)), Finding::kTamperedNode) << node;
  }
}

TEST(Tamper, ASwappedFileIsFoundByItsPathAndTheErrorNamesBoth) {
  const Bytes other = MakeFile(Plaintext(9000), Key(1), "m/2/model.bin");
  const auto read = ReadWhole(other);
  ASSERT_EQ(FindingIn(read), Finding::kWrongPath);
  EXPECT_EQ(read.error().code(), Code::kUntrusted);
  EXPECT_NE(read.error().message().find("\"m/2/model.bin\", wanted \"m/1/model.bin\""),
            std::string::npos);
}

TEST(Tamper, TheExpectedPathIsNormalizedAndThenComparedExactly) {
  const Bytes file = MakeFile(Plaintext(10), Key(1));
  EXPECT_OK(ReadWhole(file, Key(1), "./m//1/x/../model.bin"));
  for (const std::string_view path :
       {"m/1/model.bi", "m/1/model.binn", "M/1/model.bin", "/m/1/model.bin", "model.bin"}) {
    EXPECT_EQ(FindingIn(ReadWhole(file, Key(1), path)), Finding::kWrongPath) << path;
  }
}

TEST(Tamper, AWrongKeyIsFoundAndSaidHonestly) {
  const auto read = ReadWhole(MakeFile(Plaintext(9000), Key(1)), Key(2));
  ASSERT_EQ(FindingIn(read), Finding::kWrongKeyOrTamperedMetadata);
  EXPECT_EQ(read.error().code(), Code::kUntrusted);
  EXPECT_EQ(read.error().finding(), "pfs.wrong-key-or-tampered-metadata");
  EXPECT_NE(read.error().message().find("cannot tell which"), std::string::npos);
}

TEST(Tamper, TheKeyIsJudgedBeforeThePathAndThePathBeforeTheLength) {
  Bytes file = MakeFile(Plaintext(9000), Key(1));
  EXPECT_EQ(FindingIn(ReadWhole(file, Key(2), "other")), Finding::kWrongKeyOrTamperedMetadata);
  file.resize(2 * kNodeSize);
  EXPECT_EQ(FindingIn(ReadWhole(file, Key(1), "other")), Finding::kWrongPath);
  EXPECT_EQ(FindingIn(ReadWhole(file)), Finding::kTruncated);
}

TEST(Tamper, RelativesOfTheFormatAreCalledByTheirName) {
  for (const auto& [magic, name] :
       {std::pair<std::string_view, std::string_view>{"GRAPH_PF", "Graphene"},
        {"ELIF_XGS", "Intel SGX SDK"}}) {
    Bytes file = MakeFile(Plaintext(10), Key(1));
    std::ranges::copy(magic, file.begin());
    const auto read = ReadWhole(file);
    ASSERT_EQ(FindingIn(read), Finding::kNotAProtectedFile);
    EXPECT_NE(read.error().message().find(name), std::string::npos) << read.error().message();
  }
  EXPECT_EQ(FindingIn(ReadWhole({})), Finding::kNotAProtectedFile);
  EXPECT_EQ(FindingIn(ReadWhole(Bytes(4096, 'x'))), Finding::kNotAProtectedFile);
}

// A holder of the key can seal any metadata: it must not hurt either.
Bytes SealedMetadata(const std::function<void(std::span<std::uint8_t>)>& change) {
  Metadata metadata;
  metadata.path = kPath;
  SecretBytes plain = EncodeMetadata(metadata);
  change(plain.RevealWritable());
  Header header;
  const SecretBytes key = DeriveMetadataKey(Key(1), header.nonce).value();
  Bytes node(kNodeSize);
  crypto::AesGcm gcm;
  const Bytes nonce(12);
  EXPECT_OK(gcm.Seal({.key = key.Reveal(), .nonce = nonce}, plain.Reveal(),
                     EncryptedPart(std::span(node), header.format), header.tag.writable()));
  WriteHeader(header, node);
  return node;
}

TEST(Tamper, AuthenticMetadataThatMakesNoSenseIsRefused) {
  const Bytes endless_path =
      SealedMetadata([](auto plain) { std::ranges::fill(plain.first(772), 'x'); });
  EXPECT_EQ(FindingIn(ReadWhole(endless_path)), Finding::kMalformedMetadata);
  const Bytes huge =
      SealedMetadata([](auto plain) { std::ranges::fill(plain.subspan(772, 8), 0xff); });
  EXPECT_EQ(FindingIn(ReadWhole(huge)), Finding::kMalformedMetadata);
  const Bytes large =
      SealedMetadata([](auto plain) { plain[772 + 6] = 0x10; });  // 2^52 bytes in one node
  EXPECT_EQ(FindingIn(ReadWhole(large)), Finding::kTruncated);
  EXPECT_OK(ReadWhole(SealedMetadata([](auto) {})));
}

TEST(Tamper, ThePendingWriteFlagIsReportedAndIgnored) {
  Bytes file = MakeFile(Plaintext(5000), Key(1));
  file[58] = 1;
  const MemorySource source(file);
  ASSERT_OK_AND_ASSIGN(const FileReader reader, FileReader::Open(source, Key(1)));
  EXPECT_TRUE(reader.header().pending_write);
}

TEST(Tamper, EveryFindingHasAnIdOfItsOwn) {
  for (const Finding finding : {Finding::kNotAProtectedFile, Finding::kUnsupportedVersion,
                                Finding::kWrongKeyOrTamperedMetadata, Finding::kMalformedMetadata,
                                Finding::kWrongPath, Finding::kTruncated, Finding::kTamperedNode}) {
    const auto error = Refuse(finding, "found");
    EXPECT_EQ(FindingOf(error.error()), finding);
    EXPECT_EQ(FindingOf(error.error().In("model.bin")), finding);
    EXPECT_TRUE(FindingId(finding).starts_with("pfs."));
  }
  EXPECT_EQ(FindingOf(Error(Code::kUntrusted, "other")), std::nullopt);
}

}  // namespace
}  // namespace strongroom::pfs
