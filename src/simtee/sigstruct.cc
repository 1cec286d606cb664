#include "simtee/sigstruct.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/reader.h"
#include "crypto/der.h"
#include "crypto/hash.h"
#include "crypto/sgx_signing.h"

namespace strongroom::simtee {
namespace {

constexpr std::size_t kModulusBytes = 384;
constexpr std::size_t kHeadBytes = 128;   // signed, before the key
constexpr std::size_t kBodyOffset = 900;  // signed, after the signature
constexpr std::size_t kBodyBytes = 128;
constexpr std::array<std::uint8_t, 16> kHeader1 = {0x06, 0, 0, 0, 0xe1, 0, 0, 0,
                                                   0,    0, 1, 0, 0,    0, 0, 0};
constexpr std::array<std::uint8_t, 16> kHeader2 = {0x01, 1, 0, 0, 0x60, 0, 0, 0,
                                                   0x60, 0, 0, 0, 1,    0, 0, 0};
constexpr std::uint64_t kAttributes = attest::kSgxFlagInit | attest::kSgxFlagMode64Bit;
constexpr std::uint64_t kAttributesMask = ~std::uint64_t{attest::kSgxFlagDebug};
constexpr std::uint64_t kXfrm = 3;
constexpr std::uint64_t kXfrmMask = 3;

Bytes Reversed(ByteView bytes) { return {bytes.rbegin(), bytes.rend()}; }

// 2026-11-21 as 0x20261121.
Result<std::uint32_t> BcdDate(UnixSeconds now) {
  std::string digits = FormatRfc3339(now).substr(0, 10);
  std::erase(digits, '-');
  std::uint32_t date = 0;
  for (const char c : digits) date = (date << 4U) | static_cast<std::uint32_t>(c - '0');
  return date;
}

Bytes EncodeHead(std::uint32_t date) {
  Writer writer;
  writer.Put(kHeader1).U32Le(0).U32Le(date).Put(kHeader2).U32Le(0).Zeros(84);
  return std::move(writer).Finish();
}

Bytes EncodeBody(const attest::MrEnclave& mrenclave, std::uint16_t isv_prod_id,
                 std::uint16_t isv_svn) {
  Writer writer;
  writer.U32Le(0).U32Le(0xffffffff).Zeros(4).Zeros(16);  // MISCSELECT and mask, CET, ISVFAMILYID
  writer.U64Le(kAttributes).U64Le(kXfrm).U64Le(kAttributesMask).U64Le(kXfrmMask);
  writer.Put(mrenclave.view()).Zeros(16).Zeros(16);  // reserved, ISVEXTPRODID
  writer.U16Le(isv_prod_id).U16Le(isv_svn);
  return std::move(writer).Finish();
}

attest::MrSigner MrSignerOfModulus(ByteView little_endian) {
  return attest::MrSigner(crypto::Sha256(little_endian).array());
}

Result<crypto::PublicKey> KeyOfModulus(ByteView little_endian) {
  const Bytes modulus = Reversed(little_endian);
  const Bytes rsa = crypto::DerSequence({crypto::DerUnsignedBig(modulus), crypto::DerUnsigned(3)});
  const Bytes algorithm = crypto::DerSequence(
      {crypto::DerOid("1.2.840.113549.1.1.1"), crypto::DerElementOf(crypto::der::kNull, {})});
  return crypto::PublicKey::FromSpkiDer(
      crypto::DerSequence({algorithm, crypto::DerBitString(rsa)}));
}

}  // namespace

Result<attest::MrSigner> MrSignerOf(const crypto::PublicKey& key) {
  ASSIGN_OR_RETURN(const Bytes modulus, crypto::SgxSigningModulus(key));
  return MrSignerOfModulus(Reversed(modulus));
}

Result<Bytes> SignSigstruct(const attest::MrEnclave& mrenclave, std::uint16_t isv_prod_id,
                            std::uint16_t isv_svn, const crypto::PrivateKey& key, UnixSeconds now) {
  ASSIGN_OR_RETURN(const Bytes modulus, crypto::SgxSigningModulus(key.public_key()));
  ASSIGN_OR_RETURN(const std::uint32_t date, BcdDate(now));
  const Bytes head = EncodeHead(date);
  const Bytes body = EncodeBody(mrenclave, isv_prod_id, isv_svn);
  ASSIGN_OR_RETURN(const Bytes signature,
                   key.Sign(crypto::SignatureScheme::kRsaPkcs1Sha256, Concat({head, body})));
  ASSIGN_OR_RETURN(const crypto::SgxQuotients quotients,
                   crypto::ComputeSgxQuotients(signature, modulus));
  Writer writer;
  writer.Put(head).Put(Reversed(modulus)).U32Le(3).Put(Reversed(signature)).Put(body).Zeros(12);
  writer.Put(Reversed(quotients.q1)).Put(Reversed(quotients.q2));
  return std::move(writer).Finish();
}

Result<Sigstruct> VerifySigstruct(ByteView bytes) {
  if (bytes.size() != kSigstructBytes) {
    return Malformed(
        fmt::format("enclave signature of {} bytes, wanted {}", bytes.size(), kSigstructBytes));
  }
  const ByteView head = bytes.first(kHeadBytes);
  const ByteView body = bytes.subspan(kBodyOffset, kBodyBytes);
  if (!Equal(head.first(16), kHeader1) || !Equal(head.subspan(24, 16), kHeader2)) {
    return Malformed("enclave signature without SIGSTRUCT's header");
  }
  Reader reader(bytes.subspan(kHeadBytes), "enclave signature");
  ASSIGN_OR_RETURN(const ByteView modulus, reader.Take(kModulusBytes));
  ASSIGN_OR_RETURN(const std::uint32_t exponent, reader.U32Le());
  if (exponent != 3)
    return Malformed(fmt::format("enclave signature with exponent {}, wanted 3", exponent));
  ASSIGN_OR_RETURN(const ByteView signature, reader.Take(kModulusBytes));
  ASSIGN_OR_RETURN(const crypto::PublicKey key, In("enclave signature", KeyOfModulus(modulus)));
  RETURN_IF_ERROR(In("enclave signature", key.Verify(crypto::SignatureScheme::kRsaPkcs1Sha256,
                                                     Concat({head, body}), Reversed(signature))));
  ASSIGN_OR_RETURN(const auto quotients,
                   crypto::ComputeSgxQuotients(Reversed(signature), Reversed(modulus)));
  const Bytes wanted = Concat({Bytes(12), Reversed(quotients.q1), Reversed(quotients.q2)});
  if (!Equal(bytes.subspan(kBodyOffset + kBodyBytes), wanted))
    return Malformed("enclave signature with wrong Q1 or Q2");
  Reader fields(body, "enclave signature");
  RETURN_IF_ERROR(fields.Skip(60));
  Sigstruct out;
  ASSIGN_OR_RETURN(out.mrenclave, fields.TakeFixed<attest::MrEnclave>());
  RETURN_IF_ERROR(fields.Skip(32));
  ASSIGN_OR_RETURN(out.isv_prod_id, fields.U16Le());
  ASSIGN_OR_RETURN(out.isv_svn, fields.U16Le());
  out.mrsigner = MrSignerOfModulus(modulus);
  return out;
}

}  // namespace strongroom::simtee
