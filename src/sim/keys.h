#pragma once

#include "base/secret.h"
#include "crypto/key.h"
#include "crypto/x509.h"

// The private side of a world: included by sim's own sources only.
namespace strongroom::sim {

struct CertifiedKey {
  crypto::PrivateKey key;
  crypto::Certificate certificate;
};

struct WorldKeys {
  CertifiedKey root;
  CertifiedKey platform_ca;
  CertifiedKey processor_ca;
  CertifiedKey tcb_signing;

  const CertifiedKey& Ca(bool platform) const { return platform ? platform_ca : processor_ca; }
};

struct PlatformKeys {
  CertifiedKey pck;
  crypto::PrivateKey attestation_key;  // of the quoting enclave
  SecretBytes sealing_secret;          // stands for the fuses: 32 bytes
};

}  // namespace strongroom::sim
