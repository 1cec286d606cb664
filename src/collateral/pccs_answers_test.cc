#include "collateral/pccs_answers.h"

#include <array>

#include <gtest/gtest.h>

#include "attest/testing/test_platform.h"
#include "base/encoding.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::collateral {
namespace {

using strongroom::testing::Fails;
using strongroom::testing::ForEachFlippedByte;
using strongroom::testing::ForEachTruncation;

// The answers in the order they are asked for, each with the header it must have.
struct Answers {
  std::array<PccsAnswer, 4> list;

  Result<attest::Endorsements> Collect() const {
    std::size_t asked = 0;
    return CollectEndorsements(
        "http://pccs/v4", "http://pccs/root", {},
        [&](const std::string&) -> Result<PccsAnswer> { return list.at(asked++); });
  }
};

constexpr const char* kHeaders[] = {"tcb-info-issuer-chain", "sgx-enclave-identity-issuer-chain",
                                    "sgx-pck-crl-issuer-chain"};

// Lists that are lists; of what is only passed on, some text.
Answers Good() {
  static const attest::Endorsements made = [] {
    const auto keys = attest::testing::Keys::Generate().value();
    return attest::testing::Make(attest::testing::Recipe(), keys).value().endorsements;
  }();
  Answers out;
  out.list[0].body = ToBytes(AsBytes(R"({"tcbInfo":{}})"));
  out.list[1].body = ToBytes(AsBytes(R"({"enclaveIdentity":{}})"));
  out.list[2].body = made.pck_crl;
  out.list[3].body = ToBytes(AsBytes(HexEncode(made.root_ca_crl)));
  for (std::size_t i = 0; i < std::size(kHeaders); ++i)
    out.list[i].headers.Add(kHeaders[i], PercentEncode("chain\nof its own"));
  return out;
}

// How many parts of two sets are not the same.
int CountOther(const attest::Endorsements& a, const attest::Endorsements& b) {
  return (a.root_ca_crl != b.root_ca_crl) + (a.pck_crl != b.pck_crl) +
         (a.pck_crl_issuer_chain != b.pck_crl_issuer_chain) + (a.tcb_info != b.tcb_info) +
         (a.tcb_info_issuer_chain != b.tcb_info_issuer_chain) + (a.qe_identity != b.qe_identity) +
         (a.qe_identity_issuer_chain != b.qe_identity_issuer_chain);
}

// Nothing is verified here: of a document or chain, what came is passed on; a list must be one.
void ExpectRefusedOrOneChanged(const Answers& answers, const attest::Endorsements& good) {
  const auto got = answers.Collect();
  if (!got.has_value()) {
    EXPECT_EQ(got.error().code(), Code::kMalformed);
    return;
  }
  EXPECT_LE(CountOther(*got, good), 1);
}

TEST(PccsAnswers, CutAreRefusedOrPassedOnAsTheyCame) {
  Answers answers = Good();
  ASSERT_OK_AND_ASSIGN(const attest::Endorsements good, answers.Collect());
  for (std::size_t i = 0; i < answers.list.size(); ++i) {
    const Bytes whole = answers.list[i].body;
    ForEachTruncation(whole, [&](ByteView cut, std::size_t size) {
      SCOPED_TRACE(::testing::Message() << "answer " << i << ", " << size << " bytes");
      answers.list[i].body = ToBytes(cut);
      if (i >= 2) {
        EXPECT_THAT(answers.Collect(), Fails(Code::kMalformed, "CRL"));
      } else {
        ExpectRefusedOrOneChanged(answers, good);
      }
    });
    answers.list[i].body = whole;
  }
}

TEST(PccsAnswers, WithAFlippedByteAreRefusedOrChangeOnePart) {
  Answers answers = Good();
  ASSERT_OK_AND_ASSIGN(const attest::Endorsements good, answers.Collect());
  for (std::size_t i = 0; i < answers.list.size(); ++i) {
    const Bytes whole = answers.list[i].body;
    ForEachFlippedByte(whole, [&](ByteView flipped, std::size_t offset) {
      SCOPED_TRACE(::testing::Message() << "answer " << i << ", offset " << offset);
      answers.list[i].body = ToBytes(flipped);
      ExpectRefusedOrOneChanged(answers, good);
    });
    answers.list[i].body = whole;
  }
}

TEST(PccsAnswers, ChainsInHeadersAreDecodedOrRefused) {
  const std::string encoded = PercentEncode("chain\nof its own");
  for (std::size_t i = 0; i < std::size(kHeaders); ++i) {
    const auto check = [&](ByteView value, std::size_t at) {
      Answers answers = Good();
      ASSERT_OK_AND_ASSIGN(const attest::Endorsements good, answers.Collect());
      answers.list[i].headers = {};
      answers.list[i].headers.Add(kHeaders[i], std::string(AsText(value)));
      SCOPED_TRACE(::testing::Message() << kHeaders[i] << " " << at);
      ExpectRefusedOrOneChanged(answers, good);
    };
    ForEachTruncation(AsBytes(encoded), check);
    ForEachFlippedByte(AsBytes(encoded), check);
  }
  Answers without = Good();
  without.list[1].headers = {};
  EXPECT_THAT(without.Collect(),
              Fails(Code::kMalformed, "no header sgx-enclave-identity-issuer-chain"));
}

}  // namespace
}  // namespace strongroom::collateral
