#pragma once

#include <string>

#include "base/bytes.h"

namespace strongroom::attest {

// What a caching service (PCCS) says about a platform, as received; the fields of
// strongroom.v1.Endorsements. Nothing in here is trusted before PrepareEndorsements checked it, so
// it may come from anywhere, the attester included.
struct Endorsements {
  Bytes root_ca_crl;                  // DER
  Bytes pck_crl;                      // DER, of the CA that issued the platform's PCK certificate
  std::string pck_crl_issuer_chain;   // PEM: that CA, then the root
  std::string tcb_info;               // JSON {"tcbInfo":{…},"signature":"…"}, byte for byte
  std::string tcb_info_issuer_chain;  // PEM: TCB signing, root
  std::string qe_identity;            // JSON {"enclaveIdentity":{…},"signature":"…"}, byte for byte
  std::string qe_identity_issuer_chain;  // PEM: TCB signing, root

  // PEM of the platform's PCK certificate, its CA and the root, in any order; only read for quotes
  // that do not carry the chain themselves (certification data types 1 and 3), and empty for all
  // others.
  std::string pck_certificate_chain;
};

}  // namespace strongroom::attest
