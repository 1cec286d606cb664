#include "base/secret_message.h"

#include <fcntl.h>
#include <unistd.h>

#include <thread>

#include <gtest/gtest.h>

#include "base/files.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom {
namespace {

using strongroom::testing::Fails;

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    reader = UniqueFd(ends[0]);
    writer = UniqueFd(ends[1]);
  }
  UniqueFd reader;
  UniqueFd writer;
};

// What a reader makes of these bytes, at the end of which the stream ends.
Result<SecretBytes> ReadFrom(ByteView stream) {
  Pipe pipe;
  const std::jthread writer([&] {
    EXPECT_OK(WriteAll(pipe.writer.get(), stream, "pipe"));
    pipe.writer.Reset();
  });
  return ReadFramedSecret(pipe.reader.get());
}

TEST(SecretMessage, ArrivesWhateverItsSize) {
  for (const std::size_t size : {0U, 1U, 4096U, 65'536U, 65'537U, 3'000'000U}) {
    const Bytes message(size, 0xA5);
    ASSERT_OK_AND_ASSIGN(const SecretBytes framed, FrameSecret(message));
    ASSERT_OK_AND_ASSIGN(const SecretBytes read, ReadFrom(framed.Reveal()));
    EXPECT_EQ(read, SecretBytes(ByteView(message))) << size;
  }
}

TEST(SecretMessage, IsRefusedAtEveryTruncation) {
  ASSERT_OK_AND_ASSIGN(const SecretBytes framed, FrameSecret(AsBytes("message")));
  for (std::size_t size = 0; size < framed.size(); ++size) {
    EXPECT_THAT(ReadFrom(framed.Reveal().first(size)),
                Fails(Code::kMalformed, size < 4 ? "length" : "wanted 7"))
        << size;
  }
}

TEST(SecretMessage, WithAFlippedByteIsRefusedOrTheBytesThatCame) {
  ASSERT_OK_AND_ASSIGN(const SecretBytes framed, FrameSecret(AsBytes("message")));
  testing::ForEachFlip(framed.Reveal(), [](ByteView stream, std::size_t offset) {
    const auto read = ReadFrom(stream);
    if (!read.has_value()) {
      EXPECT_LT(offset, 4U) << read.error().ToString();
      return;
    }
    EXPECT_TRUE(Equal(read->Reveal(), stream.subspan(4, read->size()))) << offset;
    EXPECT_EQ(read->size(), offset == 0 ? 6U : 7U) << offset;
  });
}

TEST(SecretMessage, LeavesAloneWhatComesBehindIt) {
  Pipe pipe;
  ASSERT_OK_AND_ASSIGN(const SecretBytes framed, FrameSecret(AsBytes("message")));
  ASSERT_OK(WriteAll(pipe.writer.get(), framed.Reveal(), "pipe"));
  ASSERT_OK(WriteAll(pipe.writer.get(), AsBytes("x"), "pipe"));
  // The stream is still open: the length is enough.
  ASSERT_OK_AND_ASSIGN(const SecretBytes read, ReadFramedSecret(pipe.reader.get()));
  EXPECT_EQ(AsText(read.Reveal()), "message");
  char next = 0;
  EXPECT_EQ(::read(pipe.reader.get(), &next, 1), 1);
  EXPECT_EQ(next, 'x');
}

TEST(SecretMessage, IsRefusedWhenItIsTooLong) {
  const Bytes too_long(kMaxSecretMessageBytes + 1);
  EXPECT_THAT(FrameSecret(too_long), Fails(Code::kExhausted, "wanted at most"));
  // One more than the limit, and 4 GiB: refused by their lengths alone.
  for (const Bytes& prefix : {Bytes{1, 0, 0, 1}, Bytes{0xFF, 0xFF, 0xFF, 0xFF}})
    EXPECT_THAT(ReadFrom(prefix), Fails(Code::kExhausted, "wanted at most"));
}

TEST(SecretMessage, TellsWhenThereIsNothingToReadFrom) {
  Pipe pipe;
  EXPECT_FALSE(ReadFramedSecret(pipe.writer.get()).has_value());
}

}  // namespace
}  // namespace strongroom
