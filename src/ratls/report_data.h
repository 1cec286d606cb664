#pragma once

#include <algorithm>

#include "attest/sgx/report_body.h"
#include "crypto/hash.h"

namespace strongroom::ratls {

// A digest, then 32 zero bytes: how most dialects commit to something.
inline attest::ReportData DigestThenZeros(const crypto::Sha256Digest& digest) {
  attest::ReportData out;
  std::ranges::copy(digest.view(), out.writable().begin());
  return out;
}

}  // namespace strongroom::ratls
