#include "collateral/bundle.h"

#include <gtest/gtest.h>

#include "attest/endorsement_subject.h"
#include "attest/testing/cases_of.h"
#include "attest/testing/test_platform.h"
#include "base/encoding.h"
#include "base/files.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::collateral {
namespace {

using attest::testing::Keys;
using attest::testing::Made;
using attest::testing::Recipe;
using strongroom::testing::Fails;

Made MakeFor(std::uint8_t family) {
  static const Keys keys = Keys::Generate().value();
  Recipe recipe;
  recipe.fmspc[5] = family;
  recipe.tcb_fmspc = HexEncode(recipe.fmspc);
  return attest::testing::Make(recipe, keys).value();
}

attest::EndorsementSubject Subject(std::uint8_t family, bool platform_ca = true) {
  return {.fmspc = attest::Fmspc::From(Bytes{0, 0x60, 0x6a, 0, 0, family}).value(),
          .platform_ca = platform_ca};
}

TEST(Bundle, GivesTheSetOfTheFamily) {
  const Made one = MakeFor(1);
  const Made two = MakeFor(2);
  ASSERT_OK_AND_ASSIGN(const auto bundle,
                       Bundle::FromJson(WriteBundle({one.endorsements, two.endorsements})));
  ASSERT_OK_AND_ASSIGN(const attest::Endorsements found, bundle->Fetch(Subject(2)));
  EXPECT_OK(attest::VerifySgxEvidence(two.quote, found, two.anchors, two.now).ToResult());
  EXPECT_EQ(found.tcb_info, two.endorsements.tcb_info);
  EXPECT_THAT(bundle->Fetch(Subject(3)),
              Fails(Code::kNotFound, "none for FMSPC 00606a000003 of the Platform CA"));
  EXPECT_THAT(bundle->Fetch(Subject(2, false)), Fails(Code::kNotFound, "of the Processor CA"));
}

TEST(Bundle, KeepsEveryFieldByteForByte) {
  Made made = MakeFor(1);
  made.endorsements.pck_certificate_chain = made.pck_chain;
  const std::string text = WriteBundle({made.endorsements});
  ASSERT_OK_AND_ASSIGN(const auto bundle, Bundle::FromJson(text));
  EXPECT_EQ(WriteBundle(bundle->sets()), text);
  EXPECT_EQ(bundle->sets()[0].pck_certificate_chain, made.pck_chain);
  EXPECT_EQ(bundle->sets()[0].pck_crl, made.endorsements.pck_crl);
}

TEST(Bundle, ThatIsNoneIsRefused) {
  const std::string good = WriteBundle({MakeFor(1).endorsements});
  const auto replaced = [&](std::string_view what, std::string_view with) {
    std::string text = good;
    return text.replace(text.find(what), what.size(), with);
  };
  EXPECT_THAT(Bundle::FromJson(replaced("\"version\":1", "\"version\":2")),
              Fails(Code::kUnsupported, "version 2"));
  EXPECT_THAT(Bundle::FromJson(replaced("\"pckCrl\"", "\"pckcrl\"")),
              Fails(Code::kMalformed, "pckCrl"));
  EXPECT_THAT(Bundle::FromJson(replaced("\"pckCrl\":\"M", "\"pckCrl\":\"*")),
              Fails(Code::kMalformed, "pckCrl"));
  EXPECT_THAT(Bundle::FromJson(R"({"version":1,"endorsements":[]})"),
              Fails(Code::kMalformed, "0 sets"));
  EXPECT_THAT(Bundle::FromJson(R"({"version":1,"endorsements":{}})"), Fails(Code::kMalformed, ""));
  EXPECT_THAT(Bundle::FromJson(""), Fails(Code::kMalformed, "endorsements bundle"));
}

// How many parts of two sets are not the same.
int CountOther(const attest::Endorsements& a, const attest::Endorsements& b) {
  return (a.root_ca_crl != b.root_ca_crl) + (a.pck_crl != b.pck_crl) +
         (a.pck_crl_issuer_chain != b.pck_crl_issuer_chain) + (a.tcb_info != b.tcb_info) +
         (a.tcb_info_issuer_chain != b.tcb_info_issuer_chain) + (a.qe_identity != b.qe_identity) +
         (a.qe_identity_issuer_chain != b.qe_identity_issuer_chain) +
         (a.pck_certificate_chain != b.pck_certificate_chain);
}

TEST(Bundle, CutAnywhereIsRefused) {
  const std::string good = WriteBundle({MakeFor(1).endorsements});
  strongroom::testing::ForEachTruncation(AsBytes(good), [](ByteView cut, std::size_t size) {
    EXPECT_THAT(Bundle::FromJson(AsText(cut)), Fails(Code::kMalformed, "endorsements bundle"))
        << size;
  });
}

// Whoever verifies a set finds what changed in it; here no byte of one part becomes another's.
TEST(Bundle, AFlippedByteIsRefusedOrChangesOnePart) {
  Made made = MakeFor(1);
  made.endorsements.pck_certificate_chain = made.pck_chain;
  const std::string good = WriteBundle({made.endorsements});
  strongroom::testing::ForEachFlippedByte(AsBytes(good), [&](ByteView flipped, std::size_t offset) {
    const auto bundle = Bundle::FromJson(AsText(flipped));
    if (!bundle.has_value()) {
      EXPECT_THAT(bundle.error().code(), ::testing::AnyOf(Code::kMalformed, Code::kUnsupported))
          << offset;
      return;
    }
    ASSERT_EQ((*bundle)->sets().size(), 1U) << offset;
    EXPECT_EQ(CountOther((*bundle)->sets()[0], made.endorsements), 1) << offset;
  });
}

TEST(Bundle, IsReadFromAFile) {
  ASSERT_OK_AND_ASSIGN(const TemporaryFolder folder, TemporaryFolder::Make("bundle"));
  const auto path = folder.path() / "bundle.json";
  ASSERT_OK(WriteFileAtomic(path, AsBytes(WriteBundle({MakeFor(1).endorsements})), 0644));
  ASSERT_OK_AND_ASSIGN(const auto bundle, Bundle::Read(path));
  EXPECT_OK(bundle->Fetch(Subject(1)));
  EXPECT_THAT(Bundle::Read(folder.path() / "other.json"), Fails(Code::kNotFound, ""));
  EXPECT_THAT(Bundle::Read(folder.path()), Fails(Code::kNotFound, "tcb_info.json"));
}

TEST(Bundle, WhatCannotBeLookedAtIsAFailureOfTheCall) {
  ASSERT_OK_AND_ASSIGN(const TemporaryFolder folder, TemporaryFolder::Make("bundle"));
  std::filesystem::create_symlink("loop", folder.path() / "loop");
  EXPECT_THAT(Bundle::Read(folder.path() / "loop"), Fails(Code::kInternal, "loop: "));
  EXPECT_THAT(Bundle::Read(folder.path() / std::string(300, 'n')),
              Fails(Code::kInternal, "File name too long"));
  EXPECT_THAT(Bundle::Read(folder.path()), Fails(Code::kInternal, "loop/tcb_info.json: "));
  std::filesystem::remove(folder.path() / "loop");
  std::filesystem::create_directory(folder.path() / "set");
  std::filesystem::create_symlink("tcb_info.json", folder.path() / "set" / "tcb_info.json");
  EXPECT_THAT(Bundle::Read(folder.path()), Fails(Code::kInternal, "set/tcb_info.json: "));
}

TEST(Bundle, IsReadFromFolders) {
  if (strongroom::testing::SkippedWithoutTestdata("bundles of real endorsements")) return;
  const auto root = *strongroom::testing::SharedTestdata() / "evidence" / "dcap";
  for (const attest::testing::Case& one : attest::testing::SgxCases()) {
    ASSERT_OK_AND_ASSIGN(const auto bundle, Bundle::Read(root / one.name));
    ASSERT_OK_AND_ASSIGN(const attest::Quote quote, attest::ParseQuote(one.quote));
    ASSERT_OK_AND_ASSIGN(const auto subject, attest::UnverifiedEndorsementSubject(quote));
    ASSERT_OK_AND_ASSIGN(const attest::Endorsements found, bundle->Fetch(subject));
    EXPECT_OK(attest::VerifySgxEvidence(one.quote, found, attest::TrustAnchors::Intel(),
                                        one.VerifyAt().value(), attest::testing::kAcceptDebug)
                  .ToResult());
  }
  ASSERT_OK_AND_ASSIGN(const auto all, Bundle::Read(root));
  EXPECT_EQ(all->sets().size(), 20U);
}

}  // namespace
}  // namespace strongroom::collateral
