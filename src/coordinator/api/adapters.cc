#include "coordinator/api/adapters.h"

#include <utility>

#include "attest/quote.h"
#include "coordinator/core/records.h"
#include "crypto/x509.h"

namespace strongroom::coordinator {
namespace {

constexpr std::size_t kMaxPckChain = 5;

// The root that a quote of our own names. It decides nothing: it only lets the cache check that
// what is sent along belongs together.
Result<attest::TrustAnchors> RootNamedBy(const attest::Quote& quote) {
  if (quote.certification_type != attest::CertificationDataType::kPckChain)
    return Unsupported("the TEE's quotes carry no certificates of their platform");
  ASSIGN_OR_RETURN(
      const std::vector<crypto::Certificate> chain,
      crypto::Certificate::ChainFromPem(AsText(quote.certification_data), kMaxPckChain));
  for (const crypto::Certificate& certificate : chain) {
    if (!certificate.fields().self_issued()) continue;
    ASSIGN_OR_RETURN(const attest::Anchor anchor, attest::AnchorOf(certificate));
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

Result<collateral::Floors> RestoreFloors(Store& store) {
  if (store.found() != Store::Found::kState) return collateral::Floors();
  ASSIGN_OR_RETURN(const std::vector<Record> records, store.Read(kFloorsName, kFloorsName, 1));
  if (records.empty()) return collateral::Floors();
  return In("stored floors of collateral",
            collateral::Floors::Parse(AsText(records.front().value.Reveal())));
}

// One thread writes at a time, what is newest at that moment, so the store's floors only rise. Who
// returns OK has floors in the store that are no lower than when it came.
Status CollateralPort::KeepFloors() {
  std::unique_lock lock(mutex_);
  written_.wait(lock, [this] { return !writing_; });
  const std::uint64_t raised = cache_.times_raised();
  if (raised == kept_ || store_.found() != Store::Found::kState) return {};
  writing_ = true;
  lock.unlock();
  const std::string text = cache_.floors().Serialize();
  StateChange change;
  change.records.push_back({std::string(kFloorsName), SecretBytes(AsBytes(text))});
  const Status status = In("floors of collateral", store_.Write(change));
  lock.lock();
  writing_ = false;
  if (status.has_value()) kept_ = raised;
  written_.notify_all();
  return status;
}

Result<HeldEndorsements> CollateralPort::For(const attest::Quote& quote,
                                             const attest::TrustAnchors& anchors) {
  ASSIGN_OR_RETURN(collateral::CachedEndorsements found, cache_.For(quote, anchors));
  RETURN_IF_ERROR(KeepFloors());
  return HeldEndorsements{std::move(found.raw), std::move(found.prepared)};
}

Result<std::shared_ptr<const attest::Endorsements>> CollateralPort::ForOwn(ByteView quote) {
  ASSIGN_OR_RETURN(const attest::Quote parsed, attest::ParseQuote(quote));
  ASSIGN_OR_RETURN(const attest::TrustAnchors root, RootNamedBy(parsed));
  ASSIGN_OR_RETURN(collateral::CachedEndorsements found, cache_.For(parsed, root));
  return std::move(found.raw);
}

}  // namespace strongroom::coordinator
