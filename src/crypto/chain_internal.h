#pragma once

#include "crypto/chain.h"

namespace strongroom::crypto {

// Notes a finding about the certificate at `depth` of the report's path.
void Note(ChainReport& report, std::size_t depth, ChainFault fault, std::string message);

// Fills report.path from the leaf towards the root and notes kIncomplete, kUntrustedRoot, kTooLong.
// A next certificate is one whose subject is the issuer's name and whose key id does not
// contradict; if several fit, the first whose key signed the certificate below.
void BuildPath(const ChainInput& input, const ChainOptions& options, ChainReport& report);

// Revocation of every certificate on the path, the root included.
void CheckRevocation(const ChainInput& input, ChainReport& report);

}  // namespace strongroom::crypto
