#pragma once

#include <string_view>

// Object identifiers that certificates and evidence use.
namespace strongroom::crypto::oid {

// RFC 5280 extensions.
inline constexpr std::string_view kSubjectKeyId = "2.5.29.14";
inline constexpr std::string_view kKeyUsage = "2.5.29.15";
inline constexpr std::string_view kSubjectAltName = "2.5.29.17";
inline constexpr std::string_view kBasicConstraints = "2.5.29.19";
inline constexpr std::string_view kCrlNumber = "2.5.29.20";
inline constexpr std::string_view kCrlDistributionPoints = "2.5.29.31";
inline constexpr std::string_view kAuthorityKeyId = "2.5.29.35";
inline constexpr std::string_view kExtendedKeyUsage = "2.5.29.37";

// RFC 5280 extended key usages.
inline constexpr std::string_view kAnyExtendedKeyUsage = "2.5.29.37.0";
inline constexpr std::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
inline constexpr std::string_view kClientAuth = "1.3.6.1.5.5.7.3.2";

// Intel's PCK certificates (attestation by DCAP).
inline constexpr std::string_view kIntelSgx = "1.2.840.113741.1.13.1";

// Marks the certificate of an activated workload with the name of its marble: raw bytes, as
// MarbleRun writes them.
inline constexpr std::string_view kMarbleType = "1.3.9903.2.1";
// Marks one whose marble's evidence rests on another root than Intel's: the SHA-256 of that root's
// SubjectPublicKeyInfo as a DER OCTET STRING. Of the arc for UUIDs (ITU-T X.667).
inline constexpr std::string_view kTrustAnchor = "2.25.2140375123";

}  // namespace strongroom::crypto::oid
