#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "attest/tcb.h"

namespace strongroom::attest::dcap {

// What of a platform's security versions TCB info speaks about: sixteen components, then PCESVN.
struct SgxTcb {
  std::array<std::uint8_t, 16> components{};
  std::uint16_t pce_svn = 0;

  // Lexicographic: the order of levels, not "at least as new".
  auto operator<=>(const SgxTcb&) const = default;
  // Every single version is at least that of `level`.
  bool Reaches(const SgxTcb& level) const;
};

struct LevelVerdict {
  TcbStatus status = TcbStatus::kRevoked;
  UnixSeconds date{};
  std::vector<std::string> advisory_ids;
};

struct PlatformLevel {
  SgxTcb tcb;
  LevelVerdict verdict;
};

struct QeLevel {
  std::uint16_t isv_svn = 0;
  LevelVerdict verdict;
};

// Puts levels into Intel's order, newest first: the order of the document is not trusted.
// kMalformed on two equal levels or none at all.
Status SortLevels(std::vector<PlatformLevel>& levels);
Status SortLevels(std::vector<QeLevel>& levels);

// The newest level that the platform (or the quoting enclave) reaches in every version; null when
// there is none. Wants sorted levels.
const LevelVerdict* MatchLevel(const std::vector<PlatformLevel>& levels, const SgxTcb& platform);
const LevelVerdict* MatchLevel(const std::vector<QeLevel>& levels, std::uint16_t isv_svn);

// Intel's convergence of the platform's status with the quoting enclave's. Not "the worse of both":
// an out-of-date quoting enclave on a platform that needs configuration is
// OutOfDateConfigurationNeeded.
TcbStatus Converge(TcbStatus platform, TcbStatus qe);

// Both verdicts as one: converged status, earlier date, union of the advisories.
TcbVerdict Combine(const LevelVerdict& platform, const LevelVerdict& qe);

}  // namespace strongroom::attest::dcap
