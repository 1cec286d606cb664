#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "crypto/key.h"
#include "crypto/x509.h"

namespace strongroom::webhook {

// The webhook's own certificate authority and the certificate it serves with: what there is instead
// of cert-manager. It protects the API server's connection to this program and nothing else.
struct Authority {
  crypto::Certificate certificate;
  crypto::PrivateKey key;
};

struct ServingState {
  Authority current;                                           // signed `leaf`
  std::optional<Authority> next = std::nullopt;                // announced, signs nothing yet
  std::optional<crypto::Certificate> previous = std::nullopt;  // other copies may still serve by it
  crypto::Certificate leaf;
  crypto::PrivateKey leaf_key;
};

inline constexpr std::int64_t kAuthoritySeconds = 365 * 86'400;
inline constexpr std::int64_t kLeafSeconds = 90 * 86'400;
// How long a new authority is announced before it signs, so that every API server knows it by then.
inline constexpr std::int64_t kAnnouncedSeconds = 600;

// A new authority and a certificate for `names`, of which there is at least one.
Result<ServingState> MakeServingState(const std::vector<std::string>& names, UnixSeconds now);

// What is due: a leaf at two thirds of its life, or when `names` changed; the next authority at two
// thirds of the current one's; its promotion once it was announced long enough; the end of the
// previous one. None: nothing is due.
Result<std::optional<ServingState>> Renew(const ServingState& state,
                                          const std::vector<std::string>& names, UnixSeconds now);

// PEM of every authority that an API server must trust now: previous, current and next.
std::string CaBundle(const ServingState& state);

// The state as PEM texts by the names of a Secret's data: ca.crt, ca.key, tls.crt, tls.key, and
// where there are such next-ca.crt, next-ca.key, previous-ca.crt. The keys are private.
using SecretData = std::map<std::string, SecretBytes>;
SecretData ToSecretData(const ServingState& state);
// kMalformed: a member is missing or no PEM; kUntrusted: a key is not its certificate's, or the
// leaf not the current authority's.
Result<ServingState> FromSecretData(const SecretData& data);

}  // namespace strongroom::webhook
