#pragma once

#include <optional>
#include <string_view>

#include "attest/anchors.h"
#include "attest/claims.h"
#include "attest/dcap/checked_endorsements.h"
#include "attest/dcap/report.h"
#include "attest/quote.h"
#include "crypto/key.h"
#include "crypto/x509.h"

namespace strongroom::attest::dcap {

// The platform's certificate after all of its checks.
struct PckLeaf {
  crypto::PublicKey key;
  PlatformIdentity platform;
  ValidityWindow window;  // of all certificates of the chain
};

// The PEM that holds the PCK chain of a quote: its own certification data (type 5) or `beside`
// (types 1 and 3). The two never mix. kPrecondition when a certificate is needed and not there;
// kUnsupported for other types.
Result<std::string_view> PckChainText(const Quote& quote, std::string_view beside);

// The certificates of a PEM text, at most three, as DER that nobody has read yet. kMalformed.
Result<std::vector<Bytes>> DecodeCertificates(std::string_view pem);

// The leaf of a PEM chain of three that is signed up to a root whose key is an anchor, each
// certificate valid at `now`. Nothing about revocation, which needs endorsements. kMalformed,
// kUntrusted.
Result<crypto::Certificate> LeafOfAnchoredChain(std::string_view pem, const TrustAnchors& anchors,
                                                UnixSeconds now);

// Step 2 and 3 of the algorithm: three certificates up to the endorsements' root; leaf and CA
// valid, not revoked; the SGX extension. Findings: dcap.pck.missing, .malformed, .chain, .root,
// .time, .revoked, .extension, .other-platform and dcap.pck-crl.other-ca. What could be read is
// returned even then, for the checks that follow: the report decides.
std::optional<PckLeaf> CheckPckChain(const Quote& quote, std::string_view beside,
                                     const CheckedEndorsements& endorsements, UnixSeconds now,
                                     Report& report);

}  // namespace strongroom::attest::dcap
