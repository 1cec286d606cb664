#include "tee/attestation_protocol.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/reader.h"

namespace strongroom::tee {
namespace {

constexpr std::uint8_t kOperationQuote = 1;
constexpr std::uint8_t kOperationSealingKey = 2;
constexpr std::size_t kAnswerHeaderBytes = 6;
constexpr std::size_t kMaxErrorTextBytes = 512;

// The statuses on the wire; the order is part of the protocol.
constexpr std::array kStatusCodes = {Code::kMalformed, Code::kUntrusted,   Code::kDenied,
                                     Code::kNotFound,  Code::kConflict,    Code::kPrecondition,
                                     Code::kExhausted, Code::kUnavailable, Code::kUnsupported,
                                     Code::kDeadline,  Code::kCancelled,   Code::kInternal};

std::uint8_t StatusOf(Code code) {
  const auto it = std::find(kStatusCodes.begin(), kStatusCodes.end(), code);
  return static_cast<std::uint8_t>(it - kStatusCodes.begin() + 1);
}

// Text of the other side that goes into our errors and logs: printable ASCII only.
std::string Printable(ByteView text) {
  std::string out = ToText(text);
  std::replace_if(out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

Result<AttestationRequest> ParseQuoteRequest(Reader& reader) {
  ASSIGN_OR_RETURN(const ByteView data, reader.Take(kReportDataBytes));
  QuoteRequest request;
  std::copy(data.begin(), data.end(), request.report_data.begin());
  return request;
}

Result<AttestationRequest> ParseSealingKeyRequest(Reader& reader) {
  ASSIGN_OR_RETURN(const std::uint8_t policy, reader.U8());
  if (policy != static_cast<std::uint8_t>(SealPolicy::kEnclave) &&
      policy != static_cast<std::uint8_t>(SealPolicy::kSigner)) {
    return Malformed(fmt::format(
        "attestation request has seal policy {}, wanted 1 (enclave) or 2 (signer)", policy));
  }
  return SealingKeyRequest{.policy = static_cast<SealPolicy>(policy)};
}

}  // namespace

Bytes SerializeRequest(const AttestationRequest& request) {
  Writer writer;
  writer.U8(kAttestationProtocolVersion);
  if (const auto* quote = std::get_if<QuoteRequest>(&request)) {
    writer.U8(kOperationQuote).Put(quote->report_data);
  } else {
    writer.U8(kOperationSealingKey)
        .U8(static_cast<std::uint8_t>(std::get<SealingKeyRequest>(request).policy));
  }
  return std::move(writer).Finish();
}

Result<AttestationRequest> ParseRequest(ByteView packet) {
  Reader reader(packet, "attestation request");
  ASSIGN_OR_RETURN(const std::uint8_t version, reader.U8());
  if (version != kAttestationProtocolVersion) {
    return Unsupported(fmt::format("attestation request has version {}, wanted {}", version,
                                   kAttestationProtocolVersion));
  }
  ASSIGN_OR_RETURN(const std::uint8_t operation, reader.U8());
  if (operation != kOperationQuote && operation != kOperationSealingKey) {
    return Unsupported(fmt::format(
        "attestation request has operation {}, wanted 1 (quote) or 2 (sealing key)", operation));
  }
  auto request =
      operation == kOperationQuote ? ParseQuoteRequest(reader) : ParseSealingKeyRequest(reader);
  if (request.has_value()) RETURN_IF_ERROR(reader.ExpectEnd());
  return request;
}

SecretBytes SerializeAnswer(const Result<SecretBytes>& answer) {
  ByteView payload;
  if (answer.has_value()) {
    payload = answer->Reveal();
  } else {
    payload = AsBytes(answer.error().message());
    payload = payload.first(std::min(payload.size(), kMaxErrorTextBytes));
  }
  Writer header;
  header.U8(kAttestationProtocolVersion)
      .U8(answer.has_value() ? 0 : StatusOf(answer.error().code()));
  header.U32Le(static_cast<std::uint32_t>(payload.size()));
  SecretBytes frame(kAnswerHeaderBytes + payload.size());
  auto out = frame.RevealWritable();
  std::copy(header.bytes().begin(), header.bytes().end(), out.begin());
  std::copy(payload.begin(), payload.end(), out.begin() + kAnswerHeaderBytes);
  return frame;
}

Result<SecretBytes> ParseAnswer(ByteView frame) {
  Reader reader(frame, "attestation answer");
  ASSIGN_OR_RETURN(const std::uint8_t version, reader.U8());
  if (version != kAttestationProtocolVersion) {
    return Unsupported(fmt::format("attestation answer has version {}, wanted {}", version,
                                   kAttestationProtocolVersion));
  }
  ASSIGN_OR_RETURN(const std::uint8_t status, reader.U8());
  ASSIGN_OR_RETURN(const ByteView payload, reader.Prefixed32Le(kMaxAnswerPayloadBytes));
  RETURN_IF_ERROR(reader.ExpectEnd());
  if (status == 0) return SecretBytes(payload);
  if (status > kStatusCodes.size()) {
    return Malformed(fmt::format("attestation answer has status {}, wanted at most {}", status,
                                 kStatusCodes.size()));
  }
  if (payload.size() > kMaxErrorTextBytes) {
    return Malformed(fmt::format("attestation error of {} bytes, wanted at most {}", payload.size(),
                                 kMaxErrorTextBytes));
  }
  return std::unexpected(Error(kStatusCodes[status - 1U], Printable(payload)));
}

}  // namespace strongroom::tee
