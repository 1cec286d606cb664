#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "crypto/key.h"
#include "crypto/name.h"

namespace strongroom::crypto {

inline constexpr std::size_t kMaxCertificateBytes = 64 * 1024;

// RFC 5280 4.2.1.3. Values are masks whose bit n is the extension's bit n, the numbers that Go's
// crypto/x509 uses.
enum KeyUsage : std::uint16_t {
  kDigitalSignature = 1U << 0,
  kContentCommitment = 1U << 1,
  kKeyEncipherment = 1U << 2,
  kDataEncipherment = 1U << 3,
  kKeyAgreement = 1U << 4,
  kKeyCertSign = 1U << 5,
  kCrlSign = 1U << 6,
  kEncipherOnly = 1U << 7,
  kDecipherOnly = 1U << 8,
};

struct Extension {
  std::string oid;  // dotted
  bool critical = false;
  Bytes value;  // the content of extnValue: DER of the extension's own type

  bool operator==(const Extension&) const = default;
};

struct BasicConstraints {
  bool is_ca = false;
  std::optional<int> path_length;
};

// What a certificate says. Nothing of it is trusted before VerifyChain.
struct CertificateFields {
  int version = 3;
  Name subject;
  Name issuer;
  std::string serial_hex;  // lower case, whole bytes, no leading zero bytes; "00" for zero; "-"
                           // before negative ones
  UnixSeconds not_before{};
  UnixSeconds not_after{};
  std::vector<std::string> dns_names;     // subject alternative names
  std::vector<std::string> ip_addresses;  // as text, "127.0.0.1", "::1"
  std::optional<BasicConstraints> basic_constraints;
  std::optional<std::uint16_t> key_usage;  // KeyUsage bits; nothing when the extension is absent
  std::vector<std::string> extended_key_usage;       // dotted OIDs
  Bytes subject_key_id;                              // empty when absent
  Bytes authority_key_id;                            // its keyIdentifier; empty when absent
  std::vector<std::string> crl_distribution_points;  // URIs
  std::vector<Extension> extensions;                 // all of them, in order; no OID is there twice

  bool self_issued() const { return subject == issuer; }
  bool is_ca() const { return basic_constraints.has_value() && basic_constraints->is_ca; }
};

// An X.509 certificate. Copies share one immutable parsed certificate.
class Certificate {
 public:
  // Exactly one DER certificate of at most 64 KiB. kMalformed: not one, trailing bytes, an
  // extension twice, an extension of CertificateFields that cannot be read, a time that is none.
  static Result<Certificate> FromDer(ByteView der);
  // Exactly one PEM block.
  static Result<Certificate> FromPem(std::string_view text);
  // One to `max_count` PEM blocks in their order; kExhausted when there are more. One trailing NUL
  // is tolerated (quotes end their chains so).
  static Result<std::vector<Certificate>> ChainFromPem(std::string_view text,
                                                       std::size_t max_count);

  ByteView der() const;
  std::string Pem() const;
  const CertificateFields& fields() const;
  // kUnsupported or kMalformed when the key is none that PublicKey knows.
  Result<PublicKey> public_key() const;
  const Sha256Digest& Fingerprint() const;  // SHA-256 of der()

  // Null when there is none of this OID.
  const Extension* FindExtension(std::string_view oid) const;
  // kUntrusted unless `key` signed this certificate. Says nothing on names, times or CA flags: see
  // chain.h.
  Status VerifySignature(const PublicKey& key) const;

  friend bool operator==(const Certificate& a, const Certificate& b) {
    return Equal(a.der(), b.der());
  }

  struct Impl;
  explicit Certificate(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

// The extensions alone of what looks like a certificate: names, times and key are passed over
// unread, for a tenth of the cost of FromDer. For finding out what to ask others about; whoever
// trusts a certificate reads it whole. kMalformed where the way to them, or they, cannot be read.
Result<std::vector<Extension>> PeekExtensions(ByteView der);

// The blocks of all certificates, one after the other.
std::string ChainToPem(const std::vector<Certificate>& chain);

}  // namespace strongroom::crypto
