#pragma once

#include <vector>

#include "base/clock.h"
#include "manifest/manifest.h"

namespace strongroom::manifest {

// What is to be said about a manifest before it is set.
struct CheckReport {
  std::vector<Remark> problems;     // it must not be set
  std::vector<Remark> unsupported;  // it asks for something that this version
                                    // does not do: must not be set either
  std::vector<Remark> notes;  // it may be set, but something is weaker or other than it may seem

  bool ok() const { return problems.empty() && unsupported.empty(); }
  // The first problem or unsupported wish as kMalformed or kUnsupported, with
  // the count of the others.
  Status ToStatus() const;
};

// Holds a manifest against the rules of the language: references exist,
// identities are complete, templates parse and run over dummy values, secrets
// can be made. Pure; nothing is generated.
CheckReport CheckManifest(const Manifest& manifest);

// Users whose certificates are not valid at `now`, or not for another month: model servers refuse
// them then, and the manifest is not changed any more.
std::vector<Remark> CheckValidity(const Manifest& manifest, UnixSeconds now);

}  // namespace strongroom::manifest
