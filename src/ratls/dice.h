#pragma once

#include <optional>
#include <string_view>

#include "attest/sgx/report_body.h"
#include "base/bytes.h"

// "Interoperable RA-TLS" (CCC attestation group; Gramine since 1.8): the TCG DICE evidence
// extension.
namespace strongroom::ratls {

inline constexpr std::string_view kDiceOid = "2.23.133.5.4.9";

struct DiceEvidence {
  ByteView quote;
  ByteView claims;  // as embedded; the quote's report data is over these bytes
};

struct DiceClaims {
  std::uint64_t key_hash_algorithm = 0;  // IANA named information: 1 SHA-256, 7 SHA-384, 8 SHA-512
  ByteView key_hash;
  std::optional<ByteView> nonce;
};

// libcbor 0.8 pads what it serializes with zeros to the buffer's size; readers of others let that
// pass.
struct DiceOptions {
  bool tolerate_trailing_zeros = false;
};

// The extension's value: CBOR tag 60000 over [quote, claims]. kMalformed; kUnsupported for another
// tag.
Result<DiceEvidence> ParseDiceEvidence(ByteView value, const DiceOptions& options = {});
Bytes EncodeDiceEvidence(ByteView quote, ByteView claims);

// A map from text to byte strings. "pubkey-hash" must be there: without it no key is bound to the
// quote. A name twice is kMalformed, unknown names are ignored, as the specification asks.
Result<DiceClaims> ParseDiceClaims(ByteView claims, const DiceOptions& options = {});
// pubkey-hash by SHA-256, then the nonce.
Bytes EncodeDiceClaims(ByteView spki, const std::optional<Bytes>& nonce = std::nullopt);

// kUntrusted unless the claims name this key (DER SubjectPublicKeyInfo); kUnsupported for other
// hash algorithms.
Status CheckDiceKey(const DiceClaims& claims, ByteView spki);

// What the quote must say: SHA-256(claims), then 32 zero bytes.
attest::ReportData DiceReportData(ByteView claims);

}  // namespace strongroom::ratls
