#include "sim/quoting_enclave.h"

#include <fmt/format.h>

#include "crypto/hash.h"

namespace strongroom::sim {

attest::MrSigner QeSigner() {
  return attest::MrSigner(
      crypto::Sha256(AsBytes("Strongroom TEST quoting enclave signer")).array());
}

attest::MrEnclave QeMeasurement(std::uint16_t isv_svn) {
  return attest::MrEnclave(
      crypto::Sha256(AsBytes(fmt::format("Strongroom TEST quoting enclave {}", isv_svn))).array());
}

}  // namespace strongroom::sim
