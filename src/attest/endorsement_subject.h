#pragma once

#include <string_view>

#include "attest/claims.h"
#include "attest/quote.h"

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

}  // namespace strongroom::attest
