#include <algorithm>
#include <numeric>

#include "pfs/file_reader.h"
#include "pfs/file_writer.h"
#include "pfs/finding.h"
#include "pfs/testing.h"
#include "testing/result_matchers.h"

namespace strongroom::pfs {
namespace {

using strongroom::testing::Fails;
using testing::Key;
using testing::MakeFile;
using testing::Plaintext;
using testing::RepeatableEntropy;

constexpr std::size_t kFirstSegmentEnd = 3072 + 96 * 4096;
constexpr std::size_t kRootFull =
    3072 + 33 * 96 * 4096;  // MHT nodes 0 to 32: the root has all its children

// Around every boundary of the format.
constexpr std::size_t kSizes[] = {0,
                                  1,
                                  3071,
                                  3072,
                                  3073,
                                  4095,
                                  4096,
                                  4097,
                                  3072 + 4095,
                                  3072 + 4096,
                                  3072 + 4097,
                                  3072 + 32 * 4096,
                                  3072 + 32 * 4096 + 1,
                                  kFirstSegmentEnd - 1,
                                  kFirstSegmentEnd,
                                  kFirstSegmentEnd + 1,
                                  kFirstSegmentEnd + 4096,
                                  3072 + 2 * 96 * 4096 + 1,
                                  kRootFull - 1,
                                  kRootFull,
                                  kRootFull + 1,
                                  kRootFull + 96 * 4096 + 5};

void ExpectOpensTo(ByteView file, ByteView plain, unsigned threads = 1) {
  const MemorySource source(file);
  ASSERT_OK_AND_ASSIGN(const FileReader reader, FileReader::Open(source, Key(1), "m/1/model.bin"));
  ASSERT_EQ(reader.size(), plain.size());
  Bytes out(plain.size());
  ASSERT_OK(reader.ReadAll(out, {.threads = threads}));
  EXPECT_TRUE(out == ToBytes(plain));
}

TEST(RoundTrip, EverySizeInBothFormatsWithOneThreadAndThree) {
  for (const Format format : {Format::kGramine1, Format::kGramine2}) {
    for (const std::size_t size : kSizes) {
      SCOPED_TRACE(size);
      const Bytes plain = Plaintext(size);
      const Bytes file = MakeFile(plain, Key(1), "m/1/model.bin", format);
      EXPECT_EQ(file.size(), GeometryOf(size)->file_size());
      EXPECT_EQ(ParseHeader(file)->format, format);
      ExpectOpensTo(file, plain, 1);
      ExpectOpensTo(file, plain, 3);
    }
  }
}

// Counts how often each node is written.
class CountingSink final : public Sink {
 public:
  Result<std::uint64_t> Size() const override { return memory.Size(); }
  Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    return memory.ReadAt(offset, out);
  }
  Status WriteAt(std::uint64_t offset, ByteView bytes) override {
    ++writes;
    const std::uint64_t first = offset / kNodeSize;
    const std::uint64_t end = first + bytes.size() / kNodeSize;
    EXPECT_EQ(first / kBatchNodes, (end - 1) / kBatchNodes) << "across a batch's end";
    if (times.size() < end) times.resize(end);
    for (std::uint64_t node = first; node < end; ++node) ++times[node];
    return memory.WriteAt(offset, bytes);
  }

  std::size_t writes = 0;
  std::vector<int> times;

  MemorySink memory;
};

TEST(RoundTrip, WritesEachNodeOnceAndWholeBatches) {
  for (const std::size_t segments : {1U, 2U, 16U, 17U, 40U}) {
    SCOPED_TRACE(segments);
    const Bytes plain = Plaintext(kInlineSize + segments * kSegmentPlaintext - 5);
    const MemorySource source(plain);
    CountingSink sink;
    RepeatableEntropy entropy(5);
    ASSERT_OK(EncryptAll(source, sink, Key(1), entropy, {.path = "m/1/model.bin"}, {.threads = 1}));
    EXPECT_EQ(sink.times, std::vector<int>(GeometryOf(plain.size())->nodes(), 1));
    EXPECT_LE(sink.writes, sink.times.size() / kBatchNodes + segments / 8 + 5);
    ExpectOpensTo(sink.memory.bytes(), plain);
  }
}

Bytes MakeInPieces(ByteView plain, std::size_t piece) {
  MemorySink sink;
  RepeatableEntropy entropy(3);
  auto writer = FileWriter::Create(sink, Key(1), entropy, {.path = "m/1/model.bin"});
  EXPECT_OK(writer);
  for (std::size_t at = 0; at < plain.size(); at += piece) {
    EXPECT_OK(writer->Append(plain.subspan(at, std::min(piece, plain.size() - at))));
  }
  EXPECT_OK(writer->Finish());
  return std::move(sink).Finish();
}

TEST(RoundTrip, AppendingPiecesOfAnySizeMakesTheSameFile) {
  for (const std::size_t size :
       {0UL, 1UL, 3072UL, 3073UL, kFirstSegmentEnd, kFirstSegmentEnd + 1, 1'300'000UL}) {
    const Bytes plain = Plaintext(size);
    for (const std::size_t piece : {997UL, 3072UL, 4096UL, 100'000UL, 500'000UL, 2'000'000UL}) {
      SCOPED_TRACE(::testing::Message() << size << " by " << piece);
      ExpectOpensTo(MakeInPieces(plain, piece), plain);
    }
  }
}

TEST(RoundTrip, AnyPartCanBeReadInAnyOrder) {
  const Bytes plain = Plaintext(kFirstSegmentEnd + 300'000);
  const Bytes file = MakeFile(plain, Key(1));
  const MemorySource source(file);
  ASSERT_OK_AND_ASSIGN(FileReader reader, FileReader::Open(source, Key(1)));
  for (const std::size_t at :
       {0UL, 3000UL, 3071UL, 3072UL, 5000UL, 7168UL, kFirstSegmentEnd - 10, kFirstSegmentEnd,
        plain.size() - 1, plain.size(), 600'000UL, 100UL}) {
    for (const std::size_t length : {0UL, 1UL, 100UL, 4096UL, 8192UL, 200'000UL, plain.size()}) {
      const std::size_t n = std::min(length, plain.size() - at);
      Bytes out(n);
      ASSERT_OK(reader.Read(at, out));
      EXPECT_TRUE(std::ranges::equal(out, ByteView(plain).subspan(at, n))) << at << "+" << n;
    }
  }
}

TEST(RoundTrip, RandomAccessAcrossThreeLevelsOfTheTree) {
  const std::size_t size = kRootFull + 40 * 96 * 4096;  // MHT nodes up to 72: three levels
  const Bytes plain = Plaintext(size);
  const Bytes file = MakeFile(plain, Key(1));
  const MemorySource source(file);
  ASSERT_OK_AND_ASSIGN(FileReader reader, FileReader::Open(source, Key(1)));
  std::uint64_t at = 17;
  for (int i = 0; i < 2000; ++i) {
    at = (at * 6364136223846793005ULL + 1442695040888963407ULL) % (size - 100);
    Bytes out(100);
    ASSERT_OK(reader.Read(at, out));
    ASSERT_TRUE(std::ranges::equal(out, ByteView(plain).subspan(at, 100))) << at;
  }
}

TEST(RoundTrip, ReadingBeyondTheEndIsRefused) {
  const Bytes file = MakeFile(Plaintext(5000), Key(1));
  const MemorySource source(file);
  ASSERT_OK_AND_ASSIGN(FileReader reader, FileReader::Open(source, Key(1)));
  Bytes out(10, 0xaa);
  EXPECT_THAT(reader.Read(4991, out), Fails(Code::kMalformed, "of a file of 5000 bytes"));
  EXPECT_THAT(reader.Read(~std::uint64_t{0}, out),
              Fails(Code::kMalformed, "of a file of 5000 bytes"));
  Bytes too_small(4999);
  EXPECT_THAT(reader.ReadAll(too_small),
              Fails(Code::kMalformed, "room for 4999 bytes, wanted 5000"));
}

TEST(RoundTrip, CopyToWritesThePlaintext) {
  for (const std::size_t size : kSizes) {
    const Bytes plain = Plaintext(size);
    const Bytes file = MakeFile(plain, Key(1));
    const MemorySource source(file);
    ASSERT_OK_AND_ASSIGN(const FileReader reader, FileReader::Open(source, Key(1)));
    MemorySink sink;
    std::uint64_t reported = 0;
    ASSERT_OK(reader.CopyTo(sink, {.on_progress = [&](std::uint64_t n) -> Status {
                              reported += n;
                              return {};
                            }}));
    EXPECT_TRUE(sink.bytes() == plain);
    EXPECT_EQ(reported, size);
  }
}

// The tree writer takes back nodes that it wrote too early only in files above 12 GiB: here with
// fewer waiting.
TEST(RoundTrip, TreeNodesWrittenTooEarlyAreTakenBack) {
  const std::size_t segments = 72;
  const Bytes plain = Plaintext(segments * kSegmentPlaintext);
  MemorySink sink;
  RepeatableEntropy entropy(5);
  HashTreeWriter tree(sink, entropy, /*count=*/std::nullopt, /*waiting=*/1);
  SegmentWriter writer(sink, entropy, tree);
  Metadata metadata;
  metadata.path = "m/1/model.bin";
  metadata.size = kInlineSize + plain.size();
  metadata.first_bytes = SecretBytes(kInlineSize);
  for (std::size_t k = 0; k < segments; ++k) {
    ASSERT_OK(writer.Write(k, ByteView(plain).subspan(k * kSegmentPlaintext, kSegmentPlaintext)));
  }
  ASSERT_OK(writer.Flush());
  ASSERT_OK_AND_ASSIGN(metadata.root, tree.Finish(segments, writer.cipher()));
  Bytes node(kNodeSize);
  ASSERT_OK(writer.cipher().SealMetadata(metadata, Key(1), Header{}, node, entropy));
  ASSERT_OK(sink.WriteAt(0, node));

  Bytes whole(kInlineSize);
  whole.insert(whole.end(), plain.begin(), plain.end());
  ExpectOpensTo(sink.bytes(), whole);
}

TEST(RoundTrip, NoKeyNonceOrNodeRepeatsBetweenTwoFilesOfOnePlaintext) {
  const Bytes plain(3 * 4096 + 3072, 0x55);
  SystemEntropy entropy;
  const MemorySource source(plain);
  MemorySink a;
  MemorySink b;
  ASSERT_OK(EncryptAll(source, a, Key(1), entropy, {.path = "x"}));
  ASSERT_OK(EncryptAll(source, b, Key(1), entropy, {.path = "x"}));
  EXPECT_NE(ParseHeader(a.bytes())->nonce, ParseHeader(b.bytes())->nonce);
  for (std::size_t i = 0; i < a.bytes().size() / kNodeSize; ++i) {
    const auto node = [&](const MemorySink& sink, std::size_t n) {
      return ByteView(sink.bytes()).subspan(n * kNodeSize, kNodeSize);
    };
    EXPECT_FALSE(Equal(node(a, i), node(b, i)));
    for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(Equal(node(a, i), node(a, j)));
  }
}

TEST(RoundTrip, AProgressCallbackStopsTheWork) {
  const Bytes plain = Plaintext(2'000'000);
  const Bytes file = MakeFile(plain, Key(1));
  const MemorySource source(file);
  ASSERT_OK_AND_ASSIGN(const FileReader reader, FileReader::Open(source, Key(1)));
  Bytes out(plain.size(), 0xaa);
  const auto stop = [](std::uint64_t) -> Status { return Cancelled("stopped by the user"); };
  EXPECT_THAT(reader.ReadAll(out, {.threads = 2, .on_progress = stop}),
              Fails(Code::kCancelled, "stopped"));
  EXPECT_TRUE(std::ranges::all_of(out, [](std::uint8_t b) { return b == 0; }));
}

class GrowingSource final : public Source {
 public:
  explicit GrowingSource(ByteView bytes) : memory_(bytes), size_(bytes.size()) {}
  Result<std::uint64_t> Size() const override { return std::exchange(size_, size_ + 1); }
  Status ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    return memory_.ReadAt(offset, out);
  }

 private:
  MemorySource memory_;
  mutable std::uint64_t size_;
};

TEST(RoundTrip, AnInputThatGrowsMeanwhileIsRefused) {
  const Bytes plain = Plaintext(10'000);
  const GrowingSource source(plain);
  MemorySink sink;
  RepeatableEntropy entropy(1);
  EXPECT_THAT(EncryptAll(source, sink, Key(1), entropy, {.path = "x"}),
              Fails(Code::kConflict, "changes while"));
}

TEST(RoundTrip, AKeyHasSixteenBytes) {
  for (const std::size_t size : {0U, 15U, 17U, 32U}) {
    EXPECT_THAT(WrapKey::From(SecretBytes(size)), Fails(Code::kMalformed, "wanted exactly 16"));
  }
}

}  // namespace
}  // namespace strongroom::pfs
