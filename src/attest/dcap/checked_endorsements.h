#pragma once

#include <memory>

#include "attest/claims.h"
#include "attest/dcap/issuer_chain.h"
#include "attest/dcap/qe_identity.h"
#include "attest/dcap/tcb_info.h"
#include "attest/dcap/verified_leaves.h"
#include "crypto/crl.h"
#include "crypto/x509.h"

namespace strongroom::attest::dcap {

// Endorsements of which every signature was verified; what PreparedEndorsements holds.
struct CheckedEndorsements {
  Anchor anchor;
  crypto::Certificate root;  // as the PCK CA's chain carried it
  crypto::Certificate pck_ca;
  crypto::PublicKey pck_ca_key;
  bool platform_ca = false;
  crypto::Crl root_crl;
  crypto::Crl pck_crl;
  TcbInfo tcb_info;
  QeIdentity qe_identity;
  ValidityWindow window;
  // The one thing that is not fixed: verifications share what they found out. On the heap, so that
  // it stays const and movable around it.
  std::unique_ptr<VerifiedLeaves> leaves = std::make_unique<VerifiedLeaves>();
};

}  // namespace strongroom::attest::dcap
