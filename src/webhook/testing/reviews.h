#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "webhook/config.h"

namespace strongroom::webhook::testing {

// A configuration with an agent's image and simulation.
Configuration FullConfiguration();

// A pod with one container "main", as an API server defaults it, with these labels.
nlohmann::json MakePod(const nlohmann::json& labels);

// The review of a pod's creation in namespace "shop".
nlohmann::json MakeReview(const nlohmann::json& pod);

// What a review led to.
struct Outcome {
  bool allowed = false;
  std::string message = {};  // of a denial
  int code = 0;              // of a denial
  nlohmann::json patch = nlohmann::json::array();
  nlohmann::json warnings = nlohmann::json::array();
};
// Runs the text through the program's own path, from bytes to bytes. kMalformed, kExhausted: no
// review.
Result<Outcome> RunMutate(const std::string& review, const Configuration& configuration);
Result<Outcome> RunValidate(const std::string& review, const Configuration& configuration);

// A pod of any shape that an API server would let through: containers, init containers, native
// sidecars, labels, annotations, volumes and values of our names that are already there. The same
// seed gives the same pod.
nlohmann::json RandomPod(std::uint64_t seed);

// A pod as large ones are: three containers with probes, variables and mounts, and the
// fields' managers, about 20 KiB of JSON as an API server sends it, labelled as a marble under SGX.
nlohmann::json LargePod();

}  // namespace strongroom::webhook::testing
