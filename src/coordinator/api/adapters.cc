#include "coordinator/api/adapters.h"

#include <utility>

#include "attest/quote.h"
#include "crypto/x509.h"

namespace strongroom::coordinator {
namespace {

constexpr std::size_t kMaxPckChain = 5;

// The root that a quote of our own names. It decides nothing: it only lets the cache check that
// what is sent along belongs together.
Result<attest::TrustAnchors> RootNamedBy(ByteView quote) {
  ASSIGN_OR_RETURN(const attest::Quote parsed, attest::ParseQuote(quote));
  if (parsed.certification_type != attest::CertificationDataType::kPckChain)
    return Unsupported("the TEE's quotes carry no certificates of their platform");
  ASSIGN_OR_RETURN(
      const std::vector<crypto::Certificate> chain,
      crypto::Certificate::ChainFromPem(AsText(parsed.certification_data), kMaxPckChain));
  for (const crypto::Certificate& certificate : chain) {
    if (!(certificate.fields().subject == certificate.fields().issuer)) continue;
    ASSIGN_OR_RETURN(const crypto::PublicKey key, certificate.public_key());
    ASSIGN_OR_RETURN(const attest::Anchor anchor, attest::Anchor::From(key.SpkiSha256().view()));
    return attest::TrustAnchors().Add(anchor);
  }
  return Malformed("the TEE's quote names no root");
}

}  // namespace

Result<Bytes> TeePort::Quote(const attest::ReportData& report_data) {
  return source_.Quote(report_data.array());
}

Result<SecretBytes> TeePort::SealingKey(manifest::SealMode mode) {
  return source_.SealingKey(mode == manifest::SealMode::kUniqueKey ? tee::SealPolicy::kEnclave
                                                                   : tee::SealPolicy::kSigner);
}

Result<CheckedEndorsements> CollateralPort::For(ByteView quote,
                                                const attest::TrustAnchors& anchors) {
  ASSIGN_OR_RETURN(collateral::CachedEndorsements found, cache_.For(quote, anchors));
  return CheckedEndorsements{std::move(found.raw), std::move(found.prepared)};
}

Result<std::shared_ptr<const attest::Endorsements>> CollateralPort::ForOwn(ByteView quote) {
  ASSIGN_OR_RETURN(const attest::TrustAnchors root, RootNamedBy(quote));
  ASSIGN_OR_RETURN(collateral::CachedEndorsements found, cache_.For(quote, root));
  return std::move(found.raw);
}

}  // namespace strongroom::coordinator
