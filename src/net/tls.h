#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/secret.h"

namespace strongroom::net {

// What a side of a TLS connection shows: a certificate, leaf first, and the leaf's private key.
// Immutable and cheap to copy (the parsed key is shared, because every connection of a listener
// uses the same one).
class Credentials {
 public:
  // Certificates in DER, leaf first; the key as PKCS#8 (or SEC1/PKCS#1) DER.
  // kMalformed: not a certificate or key, an empty chain; kUntrusted: the key is not the leaf's.
  static Result<Credentials> FromDer(const std::vector<Bytes>& chain,
                                     const SecretBytes& private_key);
  // The same as PEM texts.
  static Result<Credentials> FromPem(std::string_view chain, const SecretBytes& private_key);

  // The leaf certificate, DER.
  const Bytes& leaf() const;

  struct Parsed;  // OpenSSL objects, private to this room
  const Parsed& parsed() const { return *parsed_; }

 private:
  explicit Credentials(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

enum class TlsVersion : std::uint8_t { kNone, kTls12, kTls13 };
// "none", "TLSv1.2", "TLSv1.3"
std::string_view TlsVersionName(TlsVersion version);

// What one end of an established connection knows about it. Immutable once the handshake is done.
struct TlsPeer {
  TlsVersion version = TlsVersion::kNone;
  std::string cipher = {};                    // OpenSSL's name, "TLS_AES_128_GCM_SHA256"
  std::string alpn = {};                      // "h2", "http/1.1" or empty
  std::vector<Bytes> certificate_chain = {};  // what the peer presented, DER, leaf first; empty
                                              // when it presented nothing

  // 32 bytes that only the two ends of this connection share (RFC 8446 7.5, RFC 9266), without
  // context. kUnsupported below TLS 1.3; kPrecondition when the label is not among those of the TLS
  // options, which are derived once the handshake is done, so that no thread touches the
  // connection's secrets later.
  Result<Bytes> Exporter(std::string_view label) const;

  std::vector<std::pair<std::string, Bytes>> exporters = {};
};

// Whether clients must present a certificate. The handshake always proves possession of its key;
// whom it belongs to is the handler's question, unless `client_roots` is given.
enum class ClientCertificate : std::uint8_t { kNone, kOptional, kRequired };

// TLS 1.2 (ECDHE with AEAD suites only) and 1.3; groups X25519, P-256, P-384; no compression, no
// renegotiation, no session resumption: a session never outlives the certificates it was made with.
// ALPN offers h2 and http/1.1.
struct TlsServerOptions {
  Credentials credentials;
  ClientCertificate client_certificate = ClientCertificate::kNone;
  // DER. Not empty: a presented certificate must chain to one of them, or the handshake fails.
  std::vector<Bytes> client_roots = {};
  TlsVersion minimum = TlsVersion::kTls12;
  std::vector<std::string> exporter_labels = {};  // what TlsPeer::Exporter can be asked for
};

// Trust in any server whose chain ends in one of these certificates (DER) and whose leaf names the
// host that was dialled. `also` is asked when both hold, and must agree; as TrustCheck's, null: not
// asked.
struct TrustRoots {
  std::vector<Bytes> roots = {};
  std::function<Status(std::string_view host, const std::vector<Bytes>& chain)> also = nullptr;
};
// Trust in exactly this leaf certificate (DER), whatever its names and dates.
struct TrustPinned {
  Bytes certificate = {};
};
// Trust as the caller decides. Called inside the handshake, before the client has shown anything of
// its own, on the connection's thread; it may take its time within the connection's deadline.
// `chain` is DER, leaf first, never empty.
struct TrustCheck {
  std::function<Status(std::string_view host, const std::vector<Bytes>& chain)> check;
};
// There is no default and no system trust: who dials says whom he believes.
using Trust = std::variant<TrustRoots, TrustPinned, TrustCheck>;

struct TlsClientOptions {
  Trust trust;
  std::shared_ptr<const Credentials> credentials =
      nullptr;                   // shown when the server asks; null: nothing is shown
  std::string server_name = {};  // empty: the host that is dialled
  TlsVersion minimum = TlsVersion::kTls12;
  std::vector<std::string> exporter_labels = {};
};

}  // namespace strongroom::net
