#include "attest/endorsement_subject.h"

#include <algorithm>

#include "attest/dcap/pck_chain.h"
#include "attest/dcap/pck_extension.h"
#include "attest/dcap/quote_signatures.h"
#include "crypto/x509.h"

namespace strongroom::attest {

Result<EndorsementSubject> UnverifiedEndorsementSubject(const Quote& quote,
                                                        std::string_view pck_certificate_chain) {
  ASSIGN_OR_RETURN(const std::string_view pem, dcap::PckChainText(quote, pck_certificate_chain));
  ASSIGN_OR_RETURN(const std::vector<Bytes> certificates, dcap::DecodeCertificates(pem));
  for (const Bytes& der : certificates) {
    ASSIGN_OR_RETURN(const auto extensions, crypto::PeekExtensions(der));
    const auto found =
        std::ranges::find(extensions, dcap::kSgxExtensionOid, &crypto::Extension::oid);
    if (found == extensions.end()) continue;
    ASSIGN_OR_RETURN(const PlatformIdentity platform, dcap::ParsePckExtension(found->value));
    return EndorsementSubject{platform.fmspc, platform.instance_id.has_value()};
  }
  return Malformed("PCK chain has no certificate with the SGX extension");
}

Result<EndorsementSubject> SignedEndorsementSubject(const Quote& quote, const TrustAnchors& anchors,
                                                    UnixSeconds now) {
  ASSIGN_OR_RETURN(const std::string_view pem, dcap::PckChainText(quote, /*beside=*/{}));
  ASSIGN_OR_RETURN(const crypto::Certificate leaf, dcap::LeafOfAnchoredChain(pem, anchors, now));
  ASSIGN_OR_RETURN(const crypto::PublicKey key, leaf.public_key());
  RETURN_IF_ERROR(dcap::CheckQeReportSignature(quote, key));
  RETURN_IF_ERROR(dcap::CheckKeyBinding(quote));
  RETURN_IF_ERROR(dcap::CheckQuoteSignature(quote));
  return UnverifiedEndorsementSubject(quote);
}

}  // namespace strongroom::attest
