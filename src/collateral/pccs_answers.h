#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "attest/endorsement_subject.h"
#include "attest/endorsements.h"
#include "base/result.h"
#include "net/http.h"

// What the answers of a PCCS or PCS say (Intel SGX PCS API v3 and v4), without the network.
namespace strongroom::collateral {

struct PccsAnswer {
  Bytes body;
  net::Headers headers;
};

// Fetches one URL: an answer of status 200, or why there is none.
using PccsGet = std::function<Result<PccsAnswer>(const std::string& url)>;

// Asks for TCB info, QE identity and both revocation lists and puts the answers together; nothing
// of them is verified. `base` is the URL down to the API's version, without a slash at the end.
// kMalformed when an answer lacks its issuer chain or holds no revocation list; else `get`'s
// errors.
Result<attest::Endorsements> CollectEndorsements(std::string_view base,
                                                 const std::string& root_ca_crl_url,
                                                 const attest::EndorsementSubject& subject,
                                                 const PccsGet& get);

// How long the service asks to be left alone: Retry-After in seconds, ten at most; zero when it
// says nothing that we read.
net::Milliseconds RetryAfter(const net::Headers& headers);

}  // namespace strongroom::collateral
