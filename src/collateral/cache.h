#pragma once

#include <memory>
#include <string_view>

#include "attest/verifier.h"
#include "base/clock.h"
#include "collateral/floors.h"
#include "collateral/source.h"

namespace strongroom::collateral {

struct CacheOptions {
  // How long fetched collateral is used before it is asked for again; an attacker can hide a
  // revocation so long.
  std::int64_t max_age_seconds = 24 * 3600;
  // After a failed fetch the source is left alone for this long.
  std::int64_t retry_after_seconds = 10;
  // Families of platforms kept; the least recently fetched goes first.
  std::size_t max_entries = 64;
};

// Endorsements as received, to be sent on, and as checked, to verify quotes with.
struct CachedEndorsements {
  std::shared_ptr<const attest::Endorsements>
      raw;  // shared: sent by threads while the cache replaces it
  attest::PreparedEndorsements prepared;
};

// Verified endorsements by family of platforms, fetched when there are none, or they are old or
// over. When the source does not answer, or answers with something worse, what is still valid is
// used on. Any thread; one fetch a family at a time, and no lock is held meanwhile.
class EndorsementCache {
 public:
  // `source` and `clock` are borrowed for life.
  EndorsementCache(EndorsementSource& source, const Clock& clock, CacheOptions options = {},
                   Floors floors = {});
  ~EndorsementCache();

  // For the platform that `quote` names (unverified: it only chooses what to fetch), checked up to
  // one of `anchors`. Errors of the source; kUntrusted when what it gives is not valid now, or
  // older than what was seen before.
  Result<CachedEndorsements> For(ByteView quote, const attest::TrustAnchors& anchors);
  Result<CachedEndorsements> For(const attest::EndorsementSubject& subject,
                                 const attest::TrustAnchors& anchors);

  // What to keep over restarts.
  Floors floors() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strongroom::collateral
