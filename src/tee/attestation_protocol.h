#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "tee/evidence_source.h"

// What is spoken over the attestation socket: an AF_UNIX SOCK_SEQPACKET socket that a software TEE
// leaves open in the workload it starts, its descriptor named in STRONGROOM_ATTESTATION_FD. Layouts
// in docs/protocols/attestation-socket.md.
//
// Request, one packet, with exactly one descriptor beside it (SCM_RIGHTS) on which the answer is
// written:
//   version u8 = 1, operation u8, then for kQuote report data [64], for kSealingKey policy u8.
// Answer, a stream of bytes that ends with the frame:
//   version u8 = 1, status u8 (0 fine, else an error), length u32 LE, payload [length].
// Every request has an answer channel of its own, so threads and processes that share the socket
// cannot take each other's answers.
namespace strongroom::tee {

inline constexpr const char* kAttestationFdVariable = "STRONGROOM_ATTESTATION_FD";
inline constexpr std::uint8_t kAttestationProtocolVersion = 1;
inline constexpr std::size_t kMaxRequestBytes = 128;
inline constexpr std::size_t kMaxAnswerPayloadBytes = 64 * 1024;

struct QuoteRequest {
  std::array<std::uint8_t, kReportDataBytes> report_data{};
  auto operator<=>(const QuoteRequest&) const = default;
};
struct SealingKeyRequest {
  SealPolicy policy = SealPolicy::kSigner;
  auto operator<=>(const SealingKeyRequest&) const = default;
};
using AttestationRequest = std::variant<QuoteRequest, SealingKeyRequest>;

Bytes SerializeRequest(const AttestationRequest& request);
// kMalformed for anything but exactly one request; kUnsupported for another version or operation.
Result<AttestationRequest> ParseRequest(ByteView packet);

// A payload that may be a key is wiped when it goes.
SecretBytes SerializeAnswer(const Result<SecretBytes>& answer);
// The payload, or the error that the other side sent (its text is bounded and escaped), or
// kMalformed.
Result<SecretBytes> ParseAnswer(ByteView frame);

}  // namespace strongroom::tee
