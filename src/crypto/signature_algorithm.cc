#include "crypto/signature_algorithm.h"

#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "crypto/der.h"

namespace strongroom::crypto {
namespace {

constexpr std::string_view kRsaPss = "1.2.840.113549.1.1.10";
constexpr std::string_view kMgf1 = "1.2.840.113549.1.1.8";

enum class Parameters { kAbsent, kNull };

struct Algorithm {
  SignatureScheme scheme;
  std::string_view oid;
  Parameters parameters;
};
constexpr std::array kAlgorithms = {
    Algorithm{SignatureScheme::kEcdsaSha256, "1.2.840.10045.4.3.2", Parameters::kAbsent},
    Algorithm{SignatureScheme::kEcdsaSha384, "1.2.840.10045.4.3.3", Parameters::kAbsent},
    Algorithm{SignatureScheme::kEcdsaSha512, "1.2.840.10045.4.3.4", Parameters::kAbsent},
    Algorithm{SignatureScheme::kRsaPkcs1Sha256, "1.2.840.113549.1.1.11", Parameters::kNull},
    Algorithm{SignatureScheme::kRsaPkcs1Sha384, "1.2.840.113549.1.1.12", Parameters::kNull},
    Algorithm{SignatureScheme::kRsaPkcs1Sha512, "1.2.840.113549.1.1.13", Parameters::kNull},
    Algorithm{SignatureScheme::kEd25519, "1.3.101.112", Parameters::kAbsent},
};

struct PssDigest {
  SignatureScheme scheme;
  std::string_view oid;
  std::uint64_t salt_size;
};
constexpr std::array kPssDigests = {
    PssDigest{SignatureScheme::kRsaPssSha256, "2.16.840.1.101.3.4.2.1", 32},
    PssDigest{SignatureScheme::kRsaPssSha384, "2.16.840.1.101.3.4.2.2", 48},
    PssDigest{SignatureScheme::kRsaPssSha512, "2.16.840.1.101.3.4.2.3", 64},
};

Status ExpectNullOrNothing(DerReader& reader) {
  if (reader.NextIs(der::kNull)) {
    ASSIGN_OR_RETURN(const ByteView null, reader.Expect(der::kNull));
    if (!null.empty()) return Malformed("NULL with content");
  }
  return reader.ExpectEnd();
}

// AlgorithmIdentifier of a digest: its OID.
Result<std::string> DigestOid(DerReader& reader) {
  ASSIGN_OR_RETURN(DerReader digest, reader.Sequence());
  ASSIGN_OR_RETURN(std::string oid, digest.Oid());
  RETURN_IF_ERROR(ExpectNullOrNothing(digest));
  return oid;
}

// RSASSA-PSS-params (RFC 4055 3.1). The defaults mean SHA-1, so that everything must be there.
Result<SignatureScheme> ParsePss(DerReader& algorithm) {
  ASSIGN_OR_RETURN(DerReader parameters, algorithm.Sequence());
  RETURN_IF_ERROR(algorithm.ExpectEnd());
  if (!parameters.NextIs(der::ContextConstructed(0))) return Unsupported("RSA-PSS with SHA-1");
  ASSIGN_OR_RETURN(DerReader digest, parameters.Constructed(der::ContextConstructed(0)));
  ASSIGN_OR_RETURN(const std::string digest_oid, DigestOid(digest));
  RETURN_IF_ERROR(digest.ExpectEnd());

  if (!parameters.NextIs(der::ContextConstructed(1))) return Unsupported("MGF1 with SHA-1");
  ASSIGN_OR_RETURN(DerReader mask_outer, parameters.Constructed(der::ContextConstructed(1)));
  ASSIGN_OR_RETURN(DerReader mask, mask_outer.Sequence());
  RETURN_IF_ERROR(mask_outer.ExpectEnd());
  ASSIGN_OR_RETURN(const std::string mask_oid, mask.Oid());
  ASSIGN_OR_RETURN(const std::string mask_digest, DigestOid(mask));
  RETURN_IF_ERROR(mask.ExpectEnd());

  if (!parameters.NextIs(der::ContextConstructed(2))) return Unsupported("RSA-PSS salt of 20");
  ASSIGN_OR_RETURN(DerReader salt, parameters.Constructed(der::ContextConstructed(2)));
  ASSIGN_OR_RETURN(const std::uint64_t salt_size, salt.Unsigned());
  RETURN_IF_ERROR(salt.ExpectEnd());
  if (parameters.NextIs(der::ContextConstructed(3))) {
    ASSIGN_OR_RETURN(DerReader trailer, parameters.Constructed(der::ContextConstructed(3)));
    ASSIGN_OR_RETURN(const std::uint64_t field, trailer.Unsigned());
    if (field != 1) return Unsupported(fmt::format("RSA-PSS trailer {}", field));
  }
  RETURN_IF_ERROR(parameters.ExpectEnd());

  for (const PssDigest& row : kPssDigests) {
    if (row.oid != digest_oid) continue;
    if (mask_oid == kMgf1 && mask_digest == digest_oid && salt_size == row.salt_size) {
      return row.scheme;
    }
  }
  return Unsupported(fmt::format("RSA-PSS of digest {}, mask {} of {}, salt {}", digest_oid,
                                 mask_oid, mask_digest, salt_size));
}

}  // namespace

Result<SignatureScheme> ParseSignatureAlgorithm(ByteView bytes) {
  DerReader outer(bytes, "signature algorithm");
  ASSIGN_OR_RETURN(DerReader algorithm, outer.Sequence());
  RETURN_IF_ERROR(outer.ExpectEnd());
  ASSIGN_OR_RETURN(const std::string oid, algorithm.Oid());
  if (oid == kRsaPss) return ParsePss(algorithm);
  for (const Algorithm& row : kAlgorithms) {
    if (row.oid != oid) continue;
    RETURN_IF_ERROR(row.parameters == Parameters::kNull ? ExpectNullOrNothing(algorithm)
                                                        : algorithm.ExpectEnd());
    return row.scheme;
  }
  return Unsupported(fmt::format("signature algorithm {}", oid));
}

Bytes EncodeSignatureAlgorithm(SignatureScheme scheme) {
  constexpr std::uint8_t kDerNull[] = {der::kNull, 0};
  for (const Algorithm& row : kAlgorithms) {
    if (row.scheme != scheme) continue;
    const ByteView parameters =
        row.parameters == Parameters::kNull ? ByteView(kDerNull) : ByteView();
    return DerSequence({DerOid(row.oid), parameters});
  }
  std::abort();
}

Result<SignedBody> ParseSigned(ByteView bytes, std::string_view what) {
  DerReader outer(bytes, what);
  ASSIGN_OR_RETURN(DerReader parts, outer.Sequence());
  RETURN_IF_ERROR(outer.ExpectEnd());
  ASSIGN_OR_RETURN(const DerElement body, parts.Next());
  ASSIGN_OR_RETURN(const DerElement algorithm, parts.Next());
  ASSIGN_OR_RETURN(const ByteView signature, parts.BitString());
  RETURN_IF_ERROR(parts.ExpectEnd());
  return SignedBody{.body = body.whole, .algorithm = algorithm.whole, .signature = signature};
}

Status VerifySigned(const SignedBody& parts, const PublicKey& key) {
  ASSIGN_OR_RETURN(const SignatureScheme scheme, ParseSignatureAlgorithm(parts.algorithm));
  return key.Verify(scheme, parts.body, parts.signature);
}

Result<Bytes> SignBody(ByteView body, const PrivateKey& key) {
  const SignatureScheme scheme = DefaultScheme(key.type());
  ASSIGN_OR_RETURN(const Bytes signature, key.Sign(scheme, body));
  return DerSequence({body, EncodeSignatureAlgorithm(scheme), DerBitString(signature)});
}

}  // namespace strongroom::crypto
