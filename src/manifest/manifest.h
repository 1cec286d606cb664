#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/anchors.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/hash.h"

// The manifest: the one document that says which code may receive what.
// MarbleRun's language (1.9), read with the rules of Go's encoding/json, plus
// what a model needs. Everything here is a value; nothing is fetched, nothing
// is trusted.
namespace strongroom::manifest {

// Names of packages, marbles, secrets, … are case-sensitive.
template <class T>
using ByName = std::map<std::string, T, std::less<>>;

using crypto::Sha256Digest;

// Something to tell the person who wrote the manifest. `id` is stable
// ("package.debug"), `path` says where
// ("Packages.server"), `text` what and why.
struct Remark {
  std::string id;
  std::string path;
  std::string text;

  std::string ToString() const { return path.empty() ? text : path + ": " + text; }
  bool operator==(const Remark&) const = default;
};

// Identities that may take a marble's role.
struct Package {
  std::string unique_id;                           // MRENCLAVE in lower-case hex; empty: not pinned
  std::string signer_id;                           // MRSIGNER
  std::optional<std::uint64_t> product_id;         // ISVPRODID, equal
  std::optional<std::uint64_t> security_version;   // ISVSVN, at least
  bool debug = false;                              // equal to the debug attribute
  std::vector<std::string> accepted_tcb_statuses;  // besides UpToDate; empty: only UpToDate
  std::vector<std::string> accepted_advisories;    // empty: any
  // Ours: SHA-256 of the SubjectPublicKeyInfo of roots trusted besides the
  // built-in ones, for this package only.
  std::vector<attest::Anchor> trust_anchors;
  // Ours: what the platform's TCB was judged by must be at least this new.
  std::optional<std::uint32_t> min_evaluation_number;  // of TCB info and QE identity both
  std::optional<UnixSeconds> min_tcb_date;             // of the level that the platform reaches
};

// Parsed and reported; MarbleRun's own validator ignores them too.
struct Infrastructure {
  Bytes cpu_svn;
  std::optional<std::uint16_t> qe_svn;
  std::optional<std::uint16_t> pce_svn;
  Bytes root_ca;
};

// A file or environment variable that a marble gets: a template, or plain bytes
// when `no_templates`. `data` is decoded already (Encoding).
struct Parameter {
  std::string data;
  bool no_templates = false;
};

// The protocols a marble may activate by. Ours binds nonce, key and connection;
// MarbleRun's binds a certificate only.
enum class Dialect { kStrongroom, kMarbleRun };

struct Marble {
  std::string package;
  std::uint64_t max_activations = 0;  // 0: no limit
  ByName<Parameter> files;            // by path
  ByName<Parameter> env;
  std::vector<std::string> argv;  // never templated; empty: what was measured
  std::vector<std::string> tls;   // tags of Manifest::tls
  bool disable_secret_binding = false;
  // Ours:
  std::vector<std::string> models;    // names of Manifest::models whose keys it gets
  std::optional<Dialect> activation;  // as written
  std::vector<std::string> sans;      // as written; ask SansOf
};

// True for our dialect always; for MarbleRun's unless the marble says
// "strongroom" or uses an addition of ours. A marble for which MarbleRun's is
// true is "MarbleRun-style": private keys may go into its environment.
bool MayActivateBy(const Marble& marble, Dialect dialect);

// Names that a marble's certificate may carry (DNS names or IP addresses):
// those its entry lists, else its own name and "localhost".
std::vector<std::string> SansOf(std::string_view marble_name, const Marble& marble);

enum class SecretType { kSymmetricKey, kCertRsa, kCertEcdsa, kCertEd25519, kPlain };
std::string_view SecretTypeName(SecretType type);  // "symmetric-key"
bool IsCertificate(SecretType type);

// Go's pkix.Name, the parts that x509 writes.
struct DistinguishedName {
  std::string common_name;
  std::string serial_number;
  std::vector<std::string> country, organization, organizational_unit, locality, province,
      street_address, postal_code;
  bool operator==(const DistinguishedName&) const = default;
};

// The members of Go's x509.Certificate that a manifest may preset.
struct CertificateTemplate {
  DistinguishedName subject;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;  // as text
  std::vector<std::string> email_addresses;
  std::uint32_t key_usage = 0;              // Go's bits: 1 digitalSignature, 2
                                            // contentCommitment, 4 keyEncipherment, …
  std::vector<std::int64_t> ext_key_usage;  // Go's numbers: 1 serverAuth, 2 clientAuth, …
  std::optional<std::string> not_before;    // RFC 3339
  std::optional<std::string> not_after;
  bool is_ca = false;
  bool operator==(const CertificateTemplate&) const = default;
};

struct Secret {
  SecretType type = SecretType::kSymmetricKey;
  std::uint64_t size = 0;  // bits
  bool shared = false;
  bool user_defined = false;
  std::uint64_t valid_for = 0;  // days; 0: not given (then 365, unless the template has not_after)
  CertificateTemplate cert = {};
  bool operator==(const Secret&) const = default;
};

struct User {
  std::string certificate_pem;
  Bytes certificate_der;  // empty when the PEM could not be read; CheckManifest
                          // says so
  std::vector<std::string> roles;
};

struct Role {
  std::string resource_type;  // "Packages", "Secrets", "Manifest"
  std::vector<std::string> resource_names;
  std::vector<std::string> actions;
};

struct TlsEntry {
  std::string addr;
  std::string port;
  std::string cert;
  bool disable_client_auth = false;
};

struct TlsTag {
  std::vector<TlsEntry> outgoing;
  std::vector<TlsEntry> incoming;
};

enum class SealMode { kProductKey, kUniqueKey, kDisabled };

struct Config {
  SealMode seal_mode = SealMode::kProductKey;
  std::vector<std::string> feature_gates;  // as written
  std::uint64_t update_threshold = 0;
  std::uint64_t recovery_threshold = 0;
  bool rotate_root_secret = false;
};

// Ours: an encrypted model and who may have it.
struct Model {
  std::string key;                   // name of a symmetric-key secret of 128 bits
  std::string embedded_prefix;       // files were encrypted as "<prefix>/<version>/<file>";
                                     // empty: the model's name
  ByName<Sha256Digest> files;        // "<version>/<file>" to the SHA-256 of the plaintext
  std::vector<std::string> clients;  // users or roles that may ask it
};

struct Manifest {
  ByName<Package> packages;
  ByName<Infrastructure> infrastructures;
  ByName<Marble> marbles;
  ByName<User> users;
  ByName<Role> roles;
  ByName<Secret> secrets;
  ByName<TlsTag> tls;
  ByName<std::string> recovery_keys;  // PEM
  Config config;
  ByName<Model> models;

  // Members of the document that this version does not know and ignored, as
  // MarbleRun does.
  std::vector<Remark> unknown;
};

inline constexpr std::size_t kMaxManifestBytes = 4 * 1024 * 1024;

// Reads a manifest as uploaded (JSON). Field names match in any case, null
// means unset, unknown members are collected. kMalformed: not JSON, a value of
// the wrong kind (the error names its path), a field given twice (also in
// another case), text that its encoding does not allow; kUnsupported: a field
// of a secret's certificate that cannot be preset; kExhausted: larger than
// kMaxManifestBytes or nested deeper than 32. What it says may still be
// nonsense: CheckManifest.
Result<Manifest> ParseManifest(std::string_view json);

// Hex SHA-256 of the bytes as uploaded: what owners verify, and what a secret
// is given to.
Sha256Digest Fingerprint(std::string_view json);

}  // namespace strongroom::manifest
