#include "cli/endorsements.h"

#include <cstdlib>

#include "attest/endorsement_subject.h"
#include "collateral/bundle.h"
#include "collateral/pccs_source.h"

namespace strongroom::cli {
namespace {

constexpr const char* kIntelService = "https://api.trustedservices.intel.com/sgx/certification/v4";
constexpr const char* kIntelRootCrl =
    "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

Result<std::unique_ptr<collateral::EndorsementSource>> Source(const Arguments& arguments) {
  if (const auto bundle = arguments.Optional("collateral"))
    return collateral::Bundle::Read(*bundle);
  const char* environment = std::getenv("STRONGROOM_PCCS_URL");
  const std::string url =
      arguments.Or("pccs-url", environment != nullptr ? environment : kIntelService);
  collateral::PccsOptions options{.url = url};
  if (url == kIntelService) options.root_ca_crl_url = kIntelRootCrl;
  return In(url, collateral::PccsSource::Make(std::move(options)));
}

}  // namespace

Result<attest::Endorsements> EndorsementsFor(ByteView quote, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const attest::Quote parsed, attest::ParseQuote(quote));
  ASSIGN_OR_RETURN(const attest::EndorsementSubject subject,
                   attest::UnverifiedEndorsementSubject(parsed));
  ASSIGN_OR_RETURN(const auto source, Source(arguments));
  return In("collateral", source->Fetch(subject));
}

bool RestsOnIntelsRoot(ByteView quote, UnixSeconds now) {
  const auto parsed = attest::ParseQuote(quote);
  return parsed.has_value() &&
         attest::SignedEndorsementSubject(*parsed, attest::TrustAnchors::Intel(), now).has_value();
}

}  // namespace strongroom::cli
