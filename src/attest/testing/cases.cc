#include "attest/testing/cases.h"

#include "base/files.h"
#include "crypto/crl.h"

namespace strongroom::attest::testing {
namespace {

constexpr std::size_t kMaxFile = 1024UL * 1024;

// A file that a case need not have.
Result<std::string> ReadOptional(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::string();
  return ReadTextFile(path, kMaxFile);
}

// Some upstream samples keep their lists as hexadecimal text.
Result<Bytes> ReadList(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return Bytes();
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kMaxFile));
  ASSIGN_OR_RETURN(const crypto::Crl crl, crypto::Crl::FromAny(bytes));
  return ToBytes(crl.der());
}

Result<Endorsements> ReadEndorsements(const std::filesystem::path& folder) {
  Endorsements out;
  ASSIGN_OR_RETURN(out.root_ca_crl, ReadList(folder / "root_ca_crl.der"));
  ASSIGN_OR_RETURN(out.pck_crl, ReadList(folder / "pck_crl.der"));
  ASSIGN_OR_RETURN(out.pck_crl_issuer_chain, ReadOptional(folder / "pck_crl_issuer_chain.pem"));
  ASSIGN_OR_RETURN(out.tcb_info, ReadOptional(folder / "tcb_info.json"));
  ASSIGN_OR_RETURN(out.qe_identity, ReadOptional(folder / "qe_identity.json"));
  ASSIGN_OR_RETURN(out.tcb_info_issuer_chain, ReadOptional(folder / "tcb_signing_chain.pem"));
  out.qe_identity_issuer_chain = out.tcb_info_issuer_chain;

  // Intel's sample has its PCK certificate beside the quote, and its CA's chain under another name.
  ASSIGN_OR_RETURN(const std::string ca_chain, ReadOptional(folder / "pck_ca_chain.pem"));
  ASSIGN_OR_RETURN(const std::string leaf, ReadOptional(folder / "pck_leaf.pem"));
  if (!ca_chain.empty()) {
    out.pck_crl_issuer_chain = ca_chain;
    out.pck_certificate_chain = leaf + "\n" + ca_chain;
  }
  return out;
}

}  // namespace

Result<UnixSeconds> Case::VerifyAt() const {
  ASSIGN_OR_RETURN(const std::int64_t seconds, expected.root().GetInt("verify_at_unix"));
  return UnixSeconds{seconds};
}

Result<Case> ReadCase(const std::filesystem::path& folder) {
  ASSIGN_OR_RETURN(Bytes quote, ReadFile(folder / "quote.bin", kMaxFile));
  ASSIGN_OR_RETURN(Endorsements endorsements, ReadEndorsements(folder));
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(folder / "expected.json", kMaxFile));
  ASSIGN_OR_RETURN(JsonDocument expected, JsonDocument::Parse(text));
  return Case{folder.filename(), std::move(quote), std::move(endorsements), std::move(expected)};
}

Result<const Json*> At(const Json& root, std::initializer_list<std::string_view> path) {
  const Json* at = &root;
  for (const std::string_view name : path) {
    ASSIGN_OR_RETURN(at, at->Get(name));
  }
  return at;
}

}  // namespace strongroom::attest::testing
