#pragma once

#include <memory>

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

// Endorsements out of a cache, which is borrowed for life.
class CollateralPort final : public EndorsementSource {
 public:
  explicit CollateralPort(collateral::EndorsementCache& cache) : cache_(cache) {}

  Result<CheckedEndorsements> For(ByteView quote, const attest::TrustAnchors& anchors) override;
  Result<std::shared_ptr<const attest::Endorsements>> ForOwn(ByteView quote) override;

 private:
  collateral::EndorsementCache& cache_;
};

}  // namespace strongroom::coordinator
