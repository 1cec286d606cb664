#pragma once

#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/entropy.h"
#include "sim/world.h"

namespace strongroom::simtee {

// --state, else $XDG_STATE_HOME/strongroom-simtee, else ~/.local/state/strongroom-simtee.
// kPrecondition when none of them is known.
Result<std::filesystem::path> StateFolder(const std::string& flag);

// The simulated world kept in `folder` (mode 0700, file world.json of mode 0600, no other owner):
// made on first use, the same ever after, also when two processes come first at the same time.
// kDenied when others may read it.
Result<sim::World> OpenWorld(const std::filesystem::path& folder, Entropy& entropy,
                             const Clock& clock);

// Which simulated world.
struct WorldFlags {
  std::string state;        // its folder; empty: the default one
  bool well_known = false;  // the one whose keys are public (sim/well_known.h)
};

// The world of the flags; the well-known one is kept nowhere.
Result<sim::World> OpenWorld(const WorldFlags& flags, Entropy& entropy, const Clock& clock);

// An empty folder under `folder`, which is made if need be, onto which a workload's root is mounted
// in a namespace of its own.
Result<std::string> MountPointIn(const std::filesystem::path& folder);

}  // namespace strongroom::simtee
