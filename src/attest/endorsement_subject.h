#pragma once

#include <string_view>

#include "attest/anchors.h"
#include "attest/claims.h"
#include "attest/quote.h"
#include "base/clock.h"

namespace strongroom::attest {

// What to ask a PCCS for.
struct EndorsementSubject {
  Fmspc fmspc;
  bool platform_ca = false;  // the PCK certificate is of the Platform CA, else of the Processor CA
};

// Reads the PCK certificate of a quote without verifying anything: good for fetching endorsements,
// for nothing more. `pck_certificate_chain` (PEM) is for quotes that carry no certificate; without
// it they give kPrecondition.
Result<EndorsementSubject> UnverifiedEndorsementSubject(
    const Quote& quote, std::string_view pck_certificate_chain = {});

// The same for a quote that is genuine as far as its own bytes tell: its PCK chain (three
// certificates, valid at `now`) ends in a root whose key is an anchor, and the PCK key, the quoting
// enclave and the attestation key vouch for each other and for the quote. kUntrusted otherwise. Who
// passes has a machine that the root certified, or had one: neither revocation nor TCB nor the
// quoting enclave's identity was looked at. Good for deciding whether endorsements are worth
// fetching, for nothing more.
Result<EndorsementSubject> SignedEndorsementSubject(const Quote& quote, const TrustAnchors& anchors,
                                                    UnixSeconds now);

}  // namespace strongroom::attest
