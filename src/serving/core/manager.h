#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "serving/core/engine.h"
#include "serving/core/version_policy.h"

namespace strongroom::serving {

// The life of one version, as TensorFlow Serving names its stations.
enum class VersionState : std::uint8_t { kStart, kLoading, kAvailable, kUnloading, kEnd };
std::string_view VersionStateName(VersionState state);  // "AVAILABLE"

struct VersionStatus {
  std::int64_t version = 0;
  VersionState state = VersionState::kStart;
  std::optional<Error> error;  // why it ended, when it did not end well
};

// One loaded version of one model.
struct Servable {
  std::string model;
  std::int64_t version = 0;
  std::unique_ptr<Model> loaded;
};

// Keeps a servable alive while a request uses it. Shared, because an unload must wait for whoever
// still computes.
using Handle = std::shared_ptr<const Servable>;

// Knows every model and its versions, and hands out handles to those that answer. Safe from any
// thread; loading happens on the caller's thread, outside the lock, while loaded versions go on
// answering.
class Manager {
 public:
  // `engine` is borrowed for life.
  explicit Manager(Engine& engine) : engine_(engine) {}

  // Loads the versions of `model` that `policy` wants and are not loaded, then unloads those it no
  // longer wants. The first failure is returned after all were tried; each version's own is kept in
  // its status. kNotFound: the source has no version that the policy wants.
  Status Load(std::string_view name, ModelSource& source, const VersionPolicy& policy);

  // Takes a version out of service. Its memory goes with the last handle. kNotFound.
  Status Unload(std::string_view model, std::int64_t version);

  // The version asked for, or the highest that is available. kNotFound.
  Result<Handle> Acquire(std::string_view model, std::optional<std::int64_t> version) const;

  // Every version ever seen of a model, ascending; empty for a model that was never named.
  std::vector<VersionStatus> Statuses(std::string_view model) const;
  std::vector<std::string> Models() const;

  // True when every model has an available version, and there is a model, until BeginDrain.
  bool Ready() const;

  // Not ready from now on, so that balancers choose others; what is loaded goes on answering.
  void BeginDrain() { draining_ = true; }

 private:
  struct Entry {
    VersionStatus status;
    Handle servable;
  };
  using Versions = std::map<std::int64_t, Entry>;
  using World = std::map<std::string, Versions, std::less<>>;

  Status LoadVersion(const std::string& model, std::int64_t version, ModelSource& source);
  void SetState(const std::string& model, std::int64_t version, VersionState state,
                std::optional<Error> error = {});

  Engine& engine_;
  Guarded<World> world_;
  std::atomic<bool> draining_ = false;
};

}  // namespace strongroom::serving
