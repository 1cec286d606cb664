#pragma once

#include "base/secret.h"
#include "sim/evidence.h"
#include "sim/world.h"
#include "tee/attestation_protocol.h"

namespace strongroom::simtee {

// One running enclave: answers for the identity it was measured with, whatever is asked. Safe from
// any thread.
class Enclave {
 public:
  // `world` and `platform` (one of its own) are borrowed for life.
  Enclave(const sim::World& world, const sim::Platform& platform,
          const sim::EnclaveIdentity& identity)
      : world_(world), platform_(platform), identity_(identity) {}

  const sim::EnclaveIdentity& identity() const { return identity_; }

  Result<Bytes> Quote(tee::ReportDataView report_data) const;
  Result<SecretBytes> SealingKey(tee::SealPolicy policy) const;
  Result<SecretBytes> Answer(const tee::AttestationRequest& request) const;

 private:
  const sim::World& world_;
  const sim::Platform& platform_;
  const sim::EnclaveIdentity identity_;
};

}  // namespace strongroom::simtee
