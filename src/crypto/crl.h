#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/cert_builder.h"
#include "crypto/x509.h"

namespace strongroom::crypto {

inline constexpr std::size_t kMaxCrlBytes = 1024 * 1024;

struct RevokedSerial {
  std::string serial_hex;  // as CertificateFields writes it
  UnixSeconds revoked_at{};
  bool critical_extension = false;  // the entry has one: it may mean another issuer's certificate
};

// What a revocation list says. Nothing of it is trusted before its signature and times are checked
// (chain.h does).
struct CrlFields {
  Name issuer;
  UnixSeconds this_update{};
  std::optional<UnixSeconds> next_update;
  std::vector<RevokedSerial> revoked;
  std::optional<std::string> crl_number_hex;
  Bytes authority_key_id;             // empty when absent
  std::vector<Extension> extensions;  // of the list, no OID twice
};

// An X.509 v1 or v2 certificate revocation list. Copies share one immutable parsed list.
class Crl {
 public:
  // Exactly one DER list of at most 1 MiB. kMalformed, kExhausted.
  static Result<Crl> FromDer(ByteView der);
  static Result<Crl> FromPem(std::string_view text);
  // DER, PEM ("X509 CRL") or hex of DER: collateral services answer in all three.
  static Result<Crl> FromAny(ByteView bytes);

  ByteView der() const;
  std::string Pem() const;
  const CrlFields& fields() const;
  // Null when the serial is not listed.
  const RevokedSerial* Find(std::string_view serial_hex) const;
  // kUntrusted unless `key` signed this list.
  Status VerifySignature(const PublicKey& key) const;

  struct Impl;
  explicit Crl(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

struct CrlSpec {
  UnixSeconds this_update{};
  UnixSeconds next_update{};
  std::uint64_t number = 1;
  std::vector<RevokedSerial> revoked;
};

// A version 2 list with CRL number and authority key id.
Result<Crl> SignCrl(const CrlSpec& spec, const Issuer& issuer);

}  // namespace strongroom::crypto
