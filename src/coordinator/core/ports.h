#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attest/anchors.h"
#include "attest/endorsements.h"
#include "attest/quote.h"
#include "attest/sgx/report_body.h"
#include "attest/verifier.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"
#include "manifest/manifest.h"

// What the core needs from outside, besides Clock and Entropy of base. main plugs the real ones in,
// tests plug fakes. All are called from any thread and never under the core's lock; they may block.
namespace strongroom::coordinator {

// The TEE speaking for this coordinator.
class EvidenceIssuer {
 public:
  virtual ~EvidenceIssuer() = default;
  // A DCAP quote of this program over `report_data`.
  virtual Result<Bytes> Quote(const attest::ReportData& report_data) = 0;
};

// Endorsements as received, to be sent on, and as checked, to verify quotes with: what
// collateral::CachedEndorsements is, for a core that does not know that room.
struct HeldEndorsements {
  std::shared_ptr<const attest::Endorsements> raw;  // shared: held while a cache replaces it
  attest::PreparedEndorsements prepared;
};

// Collateral for the platforms that quotes come from; fetched, checked and cached by someone else.
class EndorsementPort {
 public:
  virtual ~EndorsementPort() = default;
  // Checked up to one of `anchors`. kUntrusted: what there is does not convince; kUnavailable,
  // kDeadline: try again later.
  virtual Result<HeldEndorsements> For(const attest::Quote& quote,
                                       const attest::TrustAnchors& anchors) = 0;
  // For a quote of our own, whoever vouches for it: to be sent to those who verify us, and trusted
  // by nobody here.
  virtual Result<std::shared_ptr<const attest::Endorsements>> ForOwn(ByteView quote) = 0;
};

// Keys that only this program on this platform gets.
class Sealer {
 public:
  virtual ~Sealer() = default;
  // Raw key material; the store derives its own key from it. Not asked for kDisabled.
  virtual Result<SecretBytes> SealingKey(manifest::SealMode mode) = 0;
};

// A named piece of state, which a later one of its name replaces. Names are not secret, values are.
// There are few.
struct Record {
  std::string name;
  SecretBytes value;
};

// An entry of the state's log: written once, after the one with the number before. There may be
// millions.
struct LogEntry {
  std::uint64_t number = 0;  // from 1
  SecretBytes value;
};

// What becomes durable together.
struct StateChange {
  std::vector<Record> records = {};
  std::vector<LogEntry> entries = {};
};

// Where state is kept, sealed. A store is opened by main; what it found decides the first state.
class Store {
 public:
  enum class Found {
    kNothing,  // a new store
    kState,    // state that this coordinator can read
    kSealed,   // state that was sealed for another platform or program; it stays as it is
  };

  virtual ~Store() = default;
  virtual Found found() const = 0;

  // Writes what is there first and decides how this and all that follows is sealed; kDisabled keeps
  // it in memory only. kPrecondition unless nothing was found or created before.
  virtual Status Create(manifest::SealMode mode, const StateChange& first) = 0;

  // Replaces or adds the records and adds the entries: all of them, durably, before it returns OK;
  // none of them otherwise. kExhausted: the disk is full; kDenied: it may not be written;
  // kConflict: there is an entry of that number.
  virtual Status Write(const StateChange& change) = 0;

  // Up to `limit` records whose names begin with `prefix` and are not less than `from`, in the
  // order of names: what was written last, whatever happened to the disk since. kUntrusted: a
  // record was changed outside, put back or taken away; kPrecondition: there is no state.
  virtual Result<std::vector<Record>> Read(std::string_view prefix, std::string_view from,
                                           std::size_t limit) = 0;

  // Up to `limit` entries of the log from number `from` on, in their order. kUntrusted: one was
  // changed outside. That one was taken away since the start is not noticed here.
  virtual Result<std::vector<LogEntry>> ReadLog(std::uint64_t from, std::size_t limit) = 0;
};

}  // namespace strongroom::coordinator
