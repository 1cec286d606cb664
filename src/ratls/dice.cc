#include "ratls/dice.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "attest/quote.h"
#include "base/encoding.h"
#include "crypto/hash.h"
#include "ratls/cbor.h"
#include "ratls/report_data.h"

namespace strongroom::ratls {
namespace {

constexpr std::uint64_t kTag = 60000;
constexpr std::uint64_t kSha256 = 1;
constexpr std::uint64_t kSha384 = 7;
constexpr std::uint64_t kSha512 = 8;
constexpr std::string_view kKeyHash = "pubkey-hash";
constexpr std::string_view kNonce = "nonce";
constexpr std::size_t kMaxClaimsBytes = 4096;
constexpr std::uint64_t kMaxClaims = 32;

Status ExpectEnd(const CborReader& reader, const DiceOptions& options) {
  const ByteView rest = reader.Rest();
  if (options.tolerate_trailing_zeros &&
      std::ranges::all_of(rest, [](std::uint8_t b) { return b == 0; }))
    return {};
  return reader.ExpectEnd();
}

// [ algorithm, hash ], serialized once more into the claim's byte string.
Status ReadKeyHash(ByteView bytes, const DiceOptions& options, DiceClaims& out) {
  CborReader reader(bytes);
  ASSIGN_OR_RETURN(const std::uint64_t elements, reader.Array());
  if (elements != 2)
    return Malformed(fmt::format("pubkey-hash of {} elements, wanted 2", elements));
  ASSIGN_OR_RETURN(out.key_hash_algorithm, reader.Unsigned());
  ASSIGN_OR_RETURN(out.key_hash, reader.ByteString());
  return ExpectEnd(reader, options);
}

Result<Bytes> KeyHash(std::uint64_t algorithm, ByteView spki) {
  switch (algorithm) {
    case kSha256: return ToBytes(crypto::Sha256(spki).view());
    case kSha384: return ToBytes(crypto::Sha384(spki).view());
    case kSha512: return ToBytes(crypto::Sha512(spki).view());
    default:
      return Unsupported(fmt::format(
          "pubkey-hash by algorithm {}, wanted 1, 7 or 8 (SHA-256, SHA-384, SHA-512)", algorithm));
  }
}

}  // namespace

Result<DiceEvidence> ParseDiceEvidence(ByteView value, const DiceOptions& options) {
  CborReader reader(value);
  ASSIGN_OR_RETURN(const std::uint64_t tag, reader.Tag());
  if (tag != kTag)
    return Unsupported(fmt::format("evidence of CBOR tag {}, wanted {} (Intel quote)", tag, kTag));
  ASSIGN_OR_RETURN(const std::uint64_t elements, reader.Array());
  if (elements != 2)
    return Malformed(fmt::format("evidence of {} elements, wanted quote and claims", elements));
  DiceEvidence out;
  ASSIGN_OR_RETURN(out.quote, reader.ByteString());
  ASSIGN_OR_RETURN(out.claims, reader.ByteString());
  if (out.quote.size() > attest::kMaxQuoteBytes || out.claims.size() > kMaxClaimsBytes) {
    return Exhausted(
        fmt::format("evidence with {} bytes of quote and {} of claims, wanted at most {} and {}",
                    out.quote.size(), out.claims.size(), attest::kMaxQuoteBytes, kMaxClaimsBytes));
  }
  RETURN_IF_ERROR(ExpectEnd(reader, options));
  return out;
}

Bytes EncodeDiceEvidence(ByteView quote, ByteView claims) {
  CborWriter w;
  w.Tag(kTag).Array(2).ByteString(quote).ByteString(claims);
  return std::move(w).Finish();
}

Result<DiceClaims> ParseDiceClaims(ByteView claims, const DiceOptions& options) {
  CborReader reader(claims);
  ASSIGN_OR_RETURN(const std::uint64_t pairs, reader.Map());
  if (pairs > kMaxClaims)
    return Exhausted(fmt::format("{} claims, wanted at most {}", pairs, kMaxClaims));
  DiceClaims out;
  std::set<std::string_view> seen;
  for (std::uint64_t i = 0; i < pairs; ++i) {
    ASSIGN_OR_RETURN(const std::string_view name, reader.TextString());
    if (!seen.insert(name).second)
      return Malformed(fmt::format("claim \"{}\" is there twice", name));
    if (name != kKeyHash && name != kNonce) {
      RETURN_IF_ERROR(reader.Skip());
      continue;
    }
    ASSIGN_OR_RETURN(const ByteView value, reader.ByteString());
    if (name == kNonce) {
      out.nonce = value;
    } else {
      RETURN_IF_ERROR(ReadKeyHash(value, options, out));
    }
  }
  RETURN_IF_ERROR(ExpectEnd(reader, options));
  if (!seen.contains(kKeyHash))
    return Malformed("the claims have no pubkey-hash: no key is bound to the quote");
  return out;
}

Bytes EncodeDiceClaims(ByteView spki, const std::optional<Bytes>& nonce) {
  CborWriter key_hash;
  key_hash.Array(2).Unsigned(kSha256).ByteString(crypto::Sha256(spki).view());
  CborWriter w;
  w.Map(nonce ? 2 : 1).TextString(kKeyHash).ByteString(std::move(key_hash).Finish());
  if (nonce) w.TextString(kNonce).ByteString(*nonce);
  return std::move(w).Finish();
}

Status CheckDiceKey(const DiceClaims& claims, ByteView spki) {
  ASSIGN_OR_RETURN(const Bytes wanted, KeyHash(claims.key_hash_algorithm, spki));
  if (Equal(claims.key_hash, wanted)) return {};
  return Untrusted(fmt::format("pubkey-hash {}, wanted {} of the certificate's key",
                               HexEncode(claims.key_hash), HexEncode(wanted)));
}

attest::ReportData DiceReportData(ByteView claims) {
  return DigestThenZeros(crypto::Sha256(claims));
}

}  // namespace strongroom::ratls
