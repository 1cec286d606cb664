#pragma once

#include <string_view>

// What this program calls the things that it adds to pods, and where they are seen.
namespace strongroom::webhook {

inline constexpr std::string_view kUuidVolume = "marble-uuid";
inline constexpr std::string_view kFilesVolume = "strongroom-files";
inline constexpr std::string_view kAgentVolume = "strongroom-agent";
inline constexpr std::string_view kSimulationVolume = "strongroom-sim";
inline constexpr std::string_view kAgentContainer = "strongroom-agent";
inline constexpr std::string_view kAgentCopyContainer = "strongroom-agent-copy";
inline constexpr std::string_view kSimulationContainer = "strongroom-simtee";

// The copied programs.
inline constexpr std::string_view kAgentFolder = "/strongroom-agent";
inline constexpr std::string_view kSimulationFolder = "/strongroom-sim";

// Intel's admission webhook knows the AESM socket's volume by this name and adds no second one.
inline constexpr std::string_view kAesmVolume = "aesmd-socket";
inline constexpr std::string_view kAesmFolder = "/var/run/aesmd";

}  // namespace strongroom::webhook
