#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "collateral/cache.h"
#include "coordinator/core/ports.h"
#include "tee/evidence_source.h"

// The core's ports over the rooms that do the work.
namespace strongroom::coordinator {

// Quotes and sealing keys of the local TEE, which is borrowed for life.
class TeePort final : public EvidenceIssuer, public Sealer {
 public:
  explicit TeePort(tee::EvidenceSource& source) : source_(source) {}

  Result<Bytes> Quote(const attest::ReportData& report_data) override;
  Result<SecretBytes> SealingKey(manifest::SealMode mode) override;

 private:
  tee::EvidenceSource& source_;
};

// The floors of collateral that the store's state has; none in a new or sealed store. kUntrusted,
// kMalformed: the record.
Result<collateral::Floors> RestoreFloors(Store& store);

// Endorsements out of a cache, whose floors are in the store's state before anyone decides by what
// raised them. Both are borrowed for life.
class CollateralPort final : public EndorsementPort {
 public:
  CollateralPort(collateral::EndorsementCache& cache, Store& store)
      : cache_(cache), store_(store) {}

  Result<HeldEndorsements> For(const attest::Quote& quote,
                               const attest::TrustAnchors& anchors) override;
  Result<std::shared_ptr<const attest::Endorsements>> ForOwn(ByteView quote) override;

 private:
  Status KeepFloors();

  collateral::EndorsementCache& cache_;
  Store& store_;
  std::mutex mutex_;  // of what is below
  std::condition_variable written_;
  bool writing_ = false;
  std::uint64_t kept_ = 0;  // as often as the floors in the store were raised
};

}  // namespace strongroom::coordinator
