#include "sim/platform.h"

#include <array>

namespace strongroom::sim {
namespace {

using attest::Fmspc;
using attest::TcbStatus;
using Components = std::array<std::uint8_t, 16>;

// Families of machines, one FMSPC each; the numbers are ours ("7e57" for test).
constexpr Fmspc kServer{{0x7e, 0x57, 0x00, 0x00, 0x00, 0x01}};    // microcode alone decides
constexpr Fmspc kHardened{{0x7e, 0x57, 0x00, 0x00, 0x00, 0x02}};  // always wants hardened software
constexpr Fmspc kThreaded{
    {0x7e, 0x57, 0x00, 0x00, 0x00, 0x03}};  // always wants another configuration
constexpr Fmspc kDesktop{{0x7e, 0x57, 0x00, 0x00, 0x00, 0x04}};  // one package, Processor CA

constexpr Components kNew = {12, 12, 3, 3, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
constexpr Components kNewUnconfigured = {12, 12, 3, 3, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
constexpr Components kOld = {7, 9, 3, 3, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
constexpr Components kBroken = {4, 4, 3, 3, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
constexpr Components kUnknown = {1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

constexpr std::uint16_t kPceSvn = 13;
constexpr std::uint16_t kOldPceSvn = 10;
constexpr std::uint16_t kQeSvn = 8;
constexpr std::uint16_t kOldQeSvn = 5;

constexpr std::string_view kNewDate = "2026-02-11T00:00:00Z";
constexpr std::string_view kOldDate = "2023-08-09T00:00:00Z";
constexpr std::string_view kBrokenDate = "2018-01-04T00:00:00Z";

constexpr PlatformModel kModels[] = {
    {.name = kDefaultPlatform,
     .description = "a server with the newest microcode",
     .verdict = TcbStatus::kUpToDate,
     .fmspc = kServer,
     .tcb_components = kNew,
     .pce_svn = kPceSvn,
     .qe_isv_svn = kQeSvn},
    {.name = "up-to-date-2",
     .description = "another machine of the same kind, with sealing keys of its own",
     .verdict = TcbStatus::kUpToDate,
     .fmspc = kServer,
     .tcb_components = kNew,
     .pce_svn = kPceSvn,
     .qe_isv_svn = kQeSvn},
    {.name = "processor-ca",
     .description = "a one-package machine, certified by the Processor CA",
     .verdict = TcbStatus::kUpToDate,
     .fmspc = kDesktop,
     .tcb_components = kNew,
     .pce_svn = kPceSvn,
     .ca = PckCa::kProcessor,
     .qe_isv_svn = kQeSvn},
    {.name = "sw-hardening-needed",
     .description = "wants mitigations in the enclave's software",
     .verdict = TcbStatus::kSwHardeningNeeded,
     .fmspc = kHardened,
     .tcb_components = kNew,
     .pce_svn = kPceSvn,
     .qe_isv_svn = kQeSvn},
    {.name = "configuration-needed",
     .description = "hyper-threading is on",
     .verdict = TcbStatus::kConfigurationNeeded,
     .fmspc = kThreaded,
     .tcb_components = kNew,
     .pce_svn = kPceSvn,
     .smt_enabled = true,
     .qe_isv_svn = kQeSvn},
    {.name = "configuration-and-sw-hardening-needed",
     .description = "wants both",
     .verdict = TcbStatus::kConfigurationAndSwHardeningNeeded,
     .fmspc = kHardened,
     .tcb_components = kNewUnconfigured,
     .pce_svn = kPceSvn,
     .smt_enabled = true,
     .qe_isv_svn = kQeSvn},
    {.name = "out-of-date",
     .description = "microcode of 2023",
     .verdict = TcbStatus::kOutOfDate,
     .fmspc = kServer,
     .tcb_components = kOld,
     .pce_svn = kOldPceSvn,
     .qe_isv_svn = kQeSvn},
    {.name = "out-of-date-configuration-needed",
     .description = "microcode of 2023, hyper-threading on",
     .verdict = TcbStatus::kOutOfDateConfigurationNeeded,
     .fmspc = kThreaded,
     .tcb_components = kOld,
     .pce_svn = kOldPceSvn,
     .smt_enabled = true,
     .qe_isv_svn = kQeSvn},
    {.name = "qe-out-of-date",
     .description = "newest microcode, quoting enclave of 2020",
     .verdict = TcbStatus::kOutOfDate,
     .fmspc = kServer,
     .tcb_components = kNew,
     .pce_svn = kPceSvn,
     .qe_isv_svn = kOldQeSvn},
    {.name = "tcb-revoked",
     .description = "microcode whose keys leaked",
     .verdict = std::nullopt,
     .fmspc = kServer,
     .tcb_components = kBroken,
     .pce_svn = kOldPceSvn,
     .qe_isv_svn = kQeSvn},
    {.name = "tcb-unsupported",
     .description = "older than every level in the collateral",
     .verdict = std::nullopt,
     .fmspc = kServer,
     .tcb_components = kUnknown,
     .pce_svn = kOldPceSvn,
     .qe_isv_svn = kQeSvn},
    {.name = "pck-revoked",
     .description = "its certificate is on the revocation list",
     .verdict = std::nullopt,
     .fmspc = kServer,
     .tcb_components = kNew,
     .pce_svn = kPceSvn,
     .pck_revoked = true,
     .qe_isv_svn = kQeSvn},
};

std::vector<TcbLevel> ServerLevels() {
  return {
      {kNew, kPceSvn, kNewDate, TcbStatus::kUpToDate, {}},
      {kOld, kOldPceSvn, kOldDate, TcbStatus::kOutOfDate, {"INTEL-SA-00960", "INTEL-SA-01036"}},
      {kBroken, kOldPceSvn, kBrokenDate, TcbStatus::kRevoked, {"INTEL-SA-00088"}},
  };
}

std::vector<TcbLevel> HardenedLevels() {
  return {
      {kNew,
       kPceSvn,
       kNewDate,
       TcbStatus::kSwHardeningNeeded,
       {"INTEL-SA-00334", "INTEL-SA-00615"}},
      {kNewUnconfigured,
       kPceSvn,
       kNewDate,
       TcbStatus::kConfigurationAndSwHardeningNeeded,
       {"INTEL-SA-00289", "INTEL-SA-00334", "INTEL-SA-00615"}},
  };
}

std::vector<TcbLevel> ThreadedLevels() {
  return {
      {kNew, kPceSvn, kNewDate, TcbStatus::kConfigurationNeeded, {"INTEL-SA-00233"}},
      {kOld,
       kOldPceSvn,
       kOldDate,
       TcbStatus::kOutOfDateConfigurationNeeded,
       {"INTEL-SA-00233", "INTEL-SA-00960"}},
  };
}

}  // namespace

std::span<const PlatformModel> PlatformModels() { return kModels; }

std::vector<TcbLevel> TcbLevelsOf(const Fmspc& fmspc) {
  if (fmspc == kServer) return ServerLevels();
  if (fmspc == kDesktop) return ServerLevels();
  if (fmspc == kHardened) return HardenedLevels();
  if (fmspc == kThreaded) return ThreadedLevels();
  return {};
}

std::vector<Fmspc> AllFmspcs() { return {kServer, kHardened, kThreaded, kDesktop}; }

}  // namespace strongroom::sim
