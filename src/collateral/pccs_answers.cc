#include "collateral/pccs_answers.h"

#include <algorithm>
#include <initializer_list>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/crl.h"

namespace strongroom::collateral {
namespace {

using net::Milliseconds;

constexpr Milliseconds kMaxRetryAfter{10'000};

// A header whose value is percent-encoded PEM; API v3 and v4 name one of them differently.
Result<std::string> ChainOf(const PccsAnswer& answer,
                            std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (const auto value = answer.headers.Get(name)) return In(name, PercentDecode(*value));
  }
  return Malformed(fmt::format("the answer has no header {}", *names.begin()));
}

Result<Bytes> ListOf(const PccsAnswer& answer) {
  ASSIGN_OR_RETURN(const crypto::Crl crl, crypto::Crl::FromAny(answer.body));
  return ToBytes(crl.der());
}

}  // namespace

Milliseconds RetryAfter(const net::Headers& headers) {
  const auto value = headers.Get("retry-after");
  if (!value) return Milliseconds{0};
  const auto seconds = ParseDecimal<std::int64_t>(*value);
  if (!seconds || *seconds < 0) return Milliseconds{0};
  return std::min(kMaxRetryAfter, Milliseconds{std::min<std::int64_t>(*seconds, 3600) * 1000});
}

Result<attest::Endorsements> CollectEndorsements(std::string_view base,
                                                 const std::string& root_ca_crl_url,
                                                 const attest::EndorsementSubject& subject,
                                                 const PccsGet& get) {
  const char* ca = subject.platform_ca ? "platform" : "processor";
  attest::Endorsements out;
  ASSIGN_OR_RETURN(const PccsAnswer tcb,
                   get(fmt::format("{}/tcb?fmspc={}", base, HexEncode(subject.fmspc.view()))));
  out.tcb_info = ToText(tcb.body);
  ASSIGN_OR_RETURN(out.tcb_info_issuer_chain,
                   ChainOf(tcb, {"tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"}));
  ASSIGN_OR_RETURN(const PccsAnswer qe, get(fmt::format("{}/qe/identity", base)));
  out.qe_identity = ToText(qe.body);
  ASSIGN_OR_RETURN(out.qe_identity_issuer_chain,
                   ChainOf(qe, {"sgx-enclave-identity-issuer-chain"}));
  ASSIGN_OR_RETURN(const PccsAnswer pck,
                   get(fmt::format("{}/pckcrl?ca={}&encoding=der", base, ca)));
  ASSIGN_OR_RETURN(out.pck_crl, In("PCK CRL", ListOf(pck)));
  ASSIGN_OR_RETURN(out.pck_crl_issuer_chain, ChainOf(pck, {"sgx-pck-crl-issuer-chain"}));
  ASSIGN_OR_RETURN(const PccsAnswer root, get(root_ca_crl_url));
  ASSIGN_OR_RETURN(out.root_ca_crl, In("root CRL", ListOf(root)));
  return out;
}

}  // namespace strongroom::collateral
