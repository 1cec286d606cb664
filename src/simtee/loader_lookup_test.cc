#include "simtee/loader_lookup.h"

#include "base/files.h"
#include "base/reader.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::simtee {
namespace {

using strongroom::testing::Fails;

constexpr std::uint32_t kHeaderBytes = 48;
constexpr std::uint32_t kEntryBytes = 24;

// A cache with one x86-64 entry and one of another architecture.
Bytes MakeCache() {
  const std::string texts =
      std::string("libc.so.6") + '\0' + "/lib/x86_64-linux-gnu/libc.so.6" + '\0';
  const std::uint32_t start = kHeaderBytes + 2 * kEntryBytes;
  Writer writer;
  writer.Put(AsBytes("glibc-ld.so.cache1.1")).U32Le(2);
  writer.U32Le(static_cast<std::uint32_t>(texts.size())).Zeros(20);
  for (const std::uint32_t flags : {0x0303U, 0x0a03U})
    writer.U32Le(flags).U32Le(start).U32Le(start + 10).Zeros(12);
  writer.Put(AsBytes(texts));
  return std::move(writer).Finish();
}

TEST(LoaderCache, GivesTheEntriesOfThisArchitecture) {
  ASSERT_OK_AND_ASSIGN(const auto entries, ParseLoaderCache(MakeCache()));
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].name, "libc.so.6");
  EXPECT_EQ(entries[0].path, "/lib/x86_64-linux-gnu/libc.so.6");
}

TEST(LoaderCache, MayStandBehindOneOfTheOldFormat) {
  const Bytes old = Concat({AsBytes("ld.so-1.7.0"), Bytes(21)});
  ASSERT_OK_AND_ASSIGN(const auto entries, ParseLoaderCache(Concat({old, MakeCache()})));
  EXPECT_EQ(entries.size(), 1U);
  EXPECT_THAT(ParseLoaderCache(old), Fails(Code::kUnsupported, "glibc-ld.so.cache1.1"));
}

TEST(LoaderCache, OfThisMachineNamesItsLibc) {
  const auto cache = ReadFile("/etc/ld.so.cache", 16 << 20);
  if (!cache.has_value()) GTEST_SKIP() << "skipped: no /etc/ld.so.cache here";
  ASSERT_OK_AND_ASSIGN(const auto entries, ParseLoaderCache(*cache));
  EXPECT_THAT(entries, ::testing::Contains(::testing::Field(&CachedLibrary::name, "libc.so.6")));
}

TEST(LoaderCache, CutAnywhereIsRefused) {
  const Bytes cache = MakeCache();
  strongroom::testing::ForEachTruncation(cache, [](ByteView cut, std::size_t size) {
    EXPECT_FALSE(ParseLoaderCache(cut).has_value()) << size;
  });
}

// What cannot be told from a good cache gives other names, never more entries.
TEST(LoaderCache, WithAChangedByteGivesNoMore) {
  strongroom::testing::ForEachFlippedByte(MakeCache(), [](ByteView changed, std::size_t offset) {
    const auto entries = ParseLoaderCache(changed);
    EXPECT_TRUE(!entries.has_value() || entries->size() <= 2) << offset;
  });
}

TEST(LoaderCache, SaysWhatDoesNotHoldTogether) {
  Bytes many = MakeCache();
  many[23] = 0xff;
  EXPECT_THAT(ParseLoaderCache(many), Fails(Code::kMalformed, "entries, wanted at most"));
  Bytes far = MakeCache();
  far[kHeaderBytes + 6] = 0xff;
  EXPECT_THAT(ParseLoaderCache(far), Fails(Code::kMalformed, "text behind its end"));
}

}  // namespace
}  // namespace strongroom::simtee
