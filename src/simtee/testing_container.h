#pragma once

#include <string>
#include <vector>

#include "simtee/testing_bench.h"

namespace strongroom::simtee::testing {

// What a pod under the "restricted" pod security standard gives a process, as far as simtee looks
// at it: every mount read-only, no capabilities. Each member takes something away from that, or
// adds a place.
struct Container {
  bool read_only = true;
  bool no_capabilities = true;
  std::vector<std::string> writable = {};  // folders that show a new, writable tmpfs
  std::vector<std::string> links = {};     // "FROM=TO": links made in those
  std::vector<std::string> hidden = {};    // folders that show an empty, read-only tmpfs
};

// Starts `argv` in a mount namespace of that kind.
Process StartIn(const Container& container, const std::vector<std::string>& argv,
                const std::vector<std::string>& extra_environment = {});

}  // namespace strongroom::simtee::testing
