#include "simtee/elf.h"

#include <array>

#include "base/files.h"
#include "base/portable_copy.h"
#include "simtee/testing_bench.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::simtee {
namespace {

using strongroom::testing::Fails;
using testing::Bench;

Bytes ReadWhole(const std::string& path) { return ReadFile(path, 1 << 26).value(); }

TEST(Elf, ReadsWhatTheLoaderReads) {
  const Bench bench;
  ASSERT_OK_AND_ASSIGN(const ElfInfo program, ParseElf(ReadWhole(bench.probe())));
  EXPECT_EQ(program.interpreter, "/lib64/ld-linux-x86-64.so.2");
  EXPECT_THAT(program.needed, ::testing::Contains("libstrongroom-probe-library.so"));
  EXPECT_THAT(program.needed, ::testing::Contains("libc.so.6"));
  EXPECT_EQ(program.runpath, (std::vector<std::string>{"$ORIGIN/absent", "$ORIGIN"}));
  ASSERT_OK_AND_ASSIGN(const ElfInfo library, ParseElf(ReadWhole(bench.library())));
  EXPECT_EQ(library.soname, "libstrongroom-probe-library.so");
  EXPECT_EQ(library.interpreter, "");
}

TEST(Elf, IsNothingElse) {
  EXPECT_THAT(ParseElf(AsBytes("#!/bin/sh\necho hello, this is a script\n")),
              Fails(Code::kUnsupported, "no ELF file"));
  EXPECT_THAT(ParseElf({}), Fails(Code::kMalformed, "ELF header"));
  const Bench bench;
  Bytes other = ReadWhole(bench.library());
  other[18] = 0xb7;  // e_machine: AArch64
  EXPECT_THAT(ParseElf(other), Fails(Code::kUnsupported, "for machine 183"));
  other = ReadWhole(bench.library());
  other[4] = 1;  // 32-bit
  EXPECT_THAT(ParseElf(other), Fails(Code::kUnsupported, "another class"));
  other = ReadWhole(bench.library());
  other[16] = 1;  // relocatable
  EXPECT_THAT(ParseElf(other), Fails(Code::kUnsupported, "type 1"));
}

TEST(Elf, TruncatedGivesNothingWithoutItsTables) {
  const Bench bench;
  const Bytes library = ReadWhole(bench.library());
  std::size_t refused = 0;
  strongroom::testing::ForEachTruncation(library, [&](ByteView cut, std::size_t) {
    if (!ParseElf(cut).has_value()) ++refused;
  });
  EXPECT_GT(refused, library.size() / 2)
      << "all but cuts behind the dynamic section, which loaders do not see either";
}

TEST(Elf, FlippedIsReadOrRefused) {
  const Bench bench;
  const Bytes library = ReadWhole(bench.library());
  std::size_t refused = 0;
  for (const std::uint8_t mask : std::array<std::uint8_t, 3>{0x01, 0x80, 0xff}) {
    strongroom::testing::ForEachFlippedByte(
        library,
        [&](ByteView flipped, std::size_t) {
          if (!ParseElf(flipped).has_value()) ++refused;
        },
        mask);
  }
  EXPECT_GT(refused, 0U);
}

TEST(WithInterpreter, PutsAnotherLoaderInAndNothingElse) {
  const Bench bench;
  const Bytes program = ReadWhole(bench.probe());
  ASSERT_OK_AND_ASSIGN(const ElfInfo before, ParseElf(program));
  ASSERT_OK_AND_ASSIGN(const Bytes changed, WithInterpreter(program, "/elsewhere/ld.so"));
  ASSERT_OK_AND_ASSIGN(const ElfInfo after, ParseElf(changed));
  EXPECT_EQ(after.interpreter, "/elsewhere/ld.so");
  EXPECT_EQ(after.needed, before.needed);
  EXPECT_EQ(after.runpath, before.runpath);
}

TEST(WithInterpreter, TakesProgramsWithALoaderOnly) {
  const Bench bench;
  const Bytes program = ReadWhole(bench.probe());
  EXPECT_THAT(WithInterpreter(AsBytes("#!/bin/sh\n" + std::string(64, '#')), "/ld.so"),
              Fails(Code::kUnsupported, "no 64-bit"));
  EXPECT_THAT(WithInterpreter(ReadWhole(bench.plugin()), "/ld.so"),
              Fails(Code::kUnsupported, "without a loader"));
  EXPECT_THAT(WithInterpreter(ByteView(program).first(100), "/ld.so"),
              Fails(Code::kMalformed, "outside of the program"));
  EXPECT_THAT(WithInterpreter({}, "/ld.so"), Fails(Code::kMalformed, "shorter than"));
  EXPECT_THAT(WithInterpreter(program, ""), Fails(Code::kMalformed, "wanted 1 to"));
  EXPECT_THAT(WithInterpreter(program, std::string(4096, 'x')),
              Fails(Code::kMalformed, "wanted 1 to"));
}

}  // namespace
}  // namespace strongroom::simtee
