#pragma once

#include <memory>

#include "base/files.h"
#include "tee/evidence_source.h"

namespace strongroom::tee {

// Asks over the inherited socket `fd` (attestation_protocol.h). Marks it close-on-exec: a program
// that this one starts can ask only if it is passed on on purpose. kUnavailable from calls when the
// other side is gone or silent for 30 s. kMalformed when `fd` is not such a socket.
Result<std::unique_ptr<EvidenceSource>> OpenAttestationSocket(UniqueFd fd);

}  // namespace strongroom::tee
