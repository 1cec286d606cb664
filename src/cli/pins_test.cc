#include "cli/pins.h"

#include <filesystem>

#include "base/files.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::cli {
namespace {

using strongroom::testing::Fails;
using strongroom::testing::ForEachFlip;
using strongroom::testing::ForEachTruncation;

class PinsTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_ = TemporaryFolder::Make("pins").value();
  Pins pins_{folder_.path() / "a" / "coordinators"};
  const Pin pin_{.root_pem = "root", .manifest_sha256 = "abcd", .intermediate_pem = "intermediate"};
};

TEST_F(PinsTest, WhatWasSavedIsFoundUnderItsAddressOnly) {
  ASSERT_OK(pins_.Save("host:4433", pin_));
  ASSERT_OK_AND_ASSIGN(const auto found, pins_.Find("host:4433"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->root_pem, "root");
  EXPECT_EQ(found->manifest_sha256, "abcd");
  EXPECT_EQ(found->intermediate_pem, "intermediate");
  for (const std::string_view other : {"host:4434", "HOST:4433", "host", ""}) {
    ASSERT_OK_AND_ASSIGN(const auto none, pins_.Find(other));
    EXPECT_FALSE(none.has_value()) << other;
  }
}

TEST_F(PinsTest, AnAddressCannotLeaveTheFolder) {
  for (const std::string_view address : {"../../x", "/etc/passwd", "a/b:1", "[::1]:4433"}) {
    EXPECT_EQ(pins_.FileOf(address).parent_path(), folder_.path() / "a" / "coordinators")
        << address;
    ASSERT_OK(pins_.Save(address, pin_));
    EXPECT_TRUE(pins_.Find(address)->has_value());
  }
}

TEST_F(PinsTest, AVerificationWithoutManifestKeepsTheFingerprintOfTheSameRoot) {
  ASSERT_OK(pins_.Save("host:4433", pin_));
  ASSERT_OK(pins_.Remember("host:4433", {.root_pem = "root", .intermediate_pem = "newer"}));
  ASSERT_OK_AND_ASSIGN(const auto found, pins_.Find("host:4433"));
  EXPECT_EQ(found->manifest_sha256, "abcd");
  EXPECT_EQ(found->intermediate_pem, "newer");
}

TEST_F(PinsTest, AnotherRootTakesTheirPlaceOnlyWithItsManifest) {
  ASSERT_OK(pins_.Save("host:4433", pin_));
  EXPECT_THAT(pins_.Remember("host:4433", {.root_pem = "other"}),
              Fails(Code::kConflict, "shows another root"));
  EXPECT_EQ(pins_.Find("host:4433")->value().root_pem, "root") << "nothing was changed";
  ASSERT_OK(pins_.Remember("host:4433", {.root_pem = "other", .manifest_sha256 = "ef01"}));
  EXPECT_EQ(pins_.Find("host:4433")->value().root_pem, "other");
}

TEST_F(PinsTest, PinsAreForTheUserAlone) {
  ASSERT_OK(pins_.Save("host:4433", pin_));
  EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(pins_.FileOf("host:4433")).permissions()),
            0600U);
}

// A pin that cannot be read must not count as none: the next verification would silently trust
// another coordinator.
TEST_F(PinsTest, ADamagedPinIsAnErrorThatNamesTheFile) {
  ASSERT_OK(pins_.Save("host:4433", pin_));
  const auto file = pins_.FileOf("host:4433");
  ASSERT_OK_AND_ASSIGN(const Bytes whole, ReadFile(file, 1 << 16));
  ForEachTruncation(whole, [&](ByteView cut, std::size_t) {
    ASSERT_OK(WriteFileAtomic(file, cut, 0600));
    EXPECT_THAT(pins_.Find("host:4433"), Fails(Code::kMalformed, file.string()));
  });
  ForEachFlip(whole, [&](ByteView changed, std::size_t offset) {
    ASSERT_OK(WriteFileAtomic(file, changed, 0600));
    const auto found = pins_.Find("host:4433");
    if (found.has_value()) EXPECT_TRUE(found->has_value()) << offset;
    else EXPECT_THAT(found, Fails(Code::kMalformed, file.string())) << offset;
  });
  ASSERT_OK(
      WriteFileAtomic(file, AsBytes("{\"root\":1,\"manifest\":\"\",\"intermediate\":\"\"}"), 0600));
  EXPECT_THAT(pins_.Find("host:4433"), Fails(Code::kMalformed, file.string()));
}

}  // namespace
}  // namespace strongroom::cli
