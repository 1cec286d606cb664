#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "attest/endorsements.h"
#include "attest/tcb.h"
#include "base/clock.h"
#include "sim/world.h"

namespace strongroom::sim {

// What a test (or `strongroom-simtee pccs`) wants wrong with the collateral.
enum class CollateralFault {
  kExpired,           // all documents and lists ended yesterday
  kNotYetValid,       // issued tomorrow
  kTcbInfoSignature,  // one bit off
  kTcbInfoChanged,    // a byte inside the signed text
  kQeIdentitySignature,
  kQeIdentityOfOtherEnclave,
  kPckCrlOfOtherCa,
  kPckCrlSignature,
  kRootCrlSignature,
  kTcbInfoOfOtherFmspc,
  kTcbSigningRevoked,
  kPlatformCaRevoked,
};

struct CollateralOptions {
  std::set<CollateralFault> faults;
  // Gives the level that a platform (by name) matches another status, as a TCB recovery does.
  std::map<std::string, attest::TcbStatus, std::less<>> statuses;
  std::uint32_t evaluation_number = 21;
};

// Documents as Intel's service gives them, signed afresh: issued an hour before `now`, for 30 days
// (root list: a year).
class Collateral {
 public:
  // `world` is borrowed for life.
  Collateral(const World& world, CollateralOptions options)
      : world_(world), options_(std::move(options)) {}

  Result<Bytes> RootCaCrl(UnixSeconds now) const;         // DER
  Result<Bytes> PckCrl(PckCa ca, UnixSeconds now) const;  // DER
  Result<std::string> TcbInfo(const attest::Fmspc& fmspc,
                              UnixSeconds now) const;     // JSON; kNotFound: no such platform
  Result<std::string> QeIdentity(UnixSeconds now) const;  // JSON
  std::string PckIssuerChain(PckCa ca) const;             // PEM: CA, root
  std::string TcbSigningChain() const;                    // PEM: TCB signing, root

  // All of it, for one platform.
  Result<attest::Endorsements> For(const Platform& platform, UnixSeconds now) const;

 private:
  const World& world_;
  const CollateralOptions options_;
};

}  // namespace strongroom::sim
