#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "attest/claims.h"
#include "attest/tcb.h"
#include "base/bytes.h"

namespace strongroom::sim {

// Which CA issued a platform's PCK certificate: multi-package platforms have the Platform CA,
// others the Processor CA.
enum class PckCa { kProcessor, kPlatform };

// A kind of simulated machine, without keys: what its certificate says and how it stands in the
// collateral.
struct PlatformModel {
  std::string_view name;         // "up-to-date", what --platform takes
  std::string_view description;  // one line for people
  // What verification against fresh collateral comes to; nullopt: it must be refused.
  std::optional<attest::TcbStatus> verdict;

  attest::Fmspc fmspc;
  std::array<std::uint8_t, 16> tcb_components{};
  std::uint16_t pce_svn = 0;
  PckCa ca = PckCa::kPlatform;
  bool smt_enabled = false;
  bool pck_revoked = false;
  std::uint16_t qe_isv_svn = 0;  // of its quoting enclave
};

inline constexpr std::string_view kDefaultPlatform = "up-to-date";

// Every platform that a world has, the default first.
std::span<const PlatformModel> PlatformModels();

// One row of a TCB info document, newest first as Intel publishes them.
struct TcbLevel {
  std::array<std::uint8_t, 16> components{};
  std::uint16_t pce_svn = 0;
  std::string_view date;  // RFC 3339
  attest::TcbStatus status = attest::TcbStatus::kUpToDate;
  std::vector<std::string_view> advisories;
};
// The levels of the platforms with this FMSPC; empty for one that no platform has.
std::vector<TcbLevel> TcbLevelsOf(const attest::Fmspc& fmspc);
std::vector<attest::Fmspc> AllFmspcs();

}  // namespace strongroom::sim
