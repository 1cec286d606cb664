#include "serving/core/manager.h"

#include <algorithm>

#include <fmt/format.h>

namespace strongroom::serving {

std::string_view VersionStateName(VersionState state) {
  switch (state) {
    case VersionState::kStart: return "START";
    case VersionState::kLoading: return "LOADING";
    case VersionState::kAvailable: return "AVAILABLE";
    case VersionState::kUnloading: return "UNLOADING";
    case VersionState::kEnd: return "END";
  }
  return "UNKNOWN";
}

void Manager::SetState(const std::string& model, std::int64_t version, VersionState state,
                       std::optional<Error> error) {
  world_.With([&](World& world) {
    world[model][version].status = {.version = version, .state = state, .error = std::move(error)};
  });
}

Status Manager::LoadVersion(const std::string& model, std::int64_t version, ModelSource& source) {
  SetState(model, version, VersionState::kLoading);
  auto loaded = [&]() -> Result<std::unique_ptr<Model>> {
    ASSIGN_OR_RETURN(ModelFiles files, source.Read(model, version));
    return engine_.Load(std::move(files));
  }();
  if (!loaded) {
    const Error error = loaded.error().In(fmt::format("model {} version {}", model, version));
    SetState(model, version, VersionState::kEnd, error);
    return std::unexpected(error);
  }
  Handle servable = std::make_shared<const Servable>(
      Servable{.model = model, .version = version, .loaded = std::move(loaded).value()});
  world_.With([&](World& world) {
    world[model][version] = {
        .status = {.version = version, .state = VersionState::kAvailable, .error = {}},
        .servable = std::move(servable)};
  });
  return {};
}

Status Manager::Load(std::string_view name, ModelSource& source, const VersionPolicy& policy) {
  const std::string model(name);
  world_.With([&](World& world) { world.try_emplace(model); });
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> available, source.Versions(model));
  const std::vector<std::int64_t> wanted = Aspired(policy, available);
  if (wanted.empty()) {
    return NotFound(fmt::format("model {} has {} versions, wanted one that its policy serves",
                                model, available.size()));
  }
  Status first;
  for (const std::int64_t version : wanted) {
    if (Acquire(model, version)) continue;
    Status status = LoadVersion(model, version, source);
    if (!status && first) first = std::move(status);
  }
  // Old versions go only once something newer answers, so that a bad version never takes a model
  // down.
  const bool replaced = std::any_of(wanted.begin(), wanted.end(), [&](std::int64_t version) {
    return Acquire(model, version).has_value();
  });
  for (const VersionStatus& status : Statuses(model)) {
    const bool keep = std::binary_search(wanted.begin(), wanted.end(), status.version);
    if (status.state == VersionState::kAvailable && !keep && replaced) {
      RETURN_IF_ERROR(Unload(model, status.version));
    }
  }
  return first;
}

Status Manager::Unload(std::string_view model, std::int64_t version) {
  Handle last;  // destroyed outside the lock: freeing a model takes time
  const bool found = world_.With([&](World& world) {
    const auto versions = world.find(model);
    if (versions == world.end()) return false;
    const auto entry = versions->second.find(version);
    if (entry == versions->second.end() || entry->second.servable == nullptr) return false;
    last = std::exchange(entry->second.servable, nullptr);
    entry->second.status.state = VersionState::kEnd;
    return true;
  });
  if (!found) return NotFound(fmt::format("model {} has no loaded version {}", model, version));
  return {};
}

Result<Handle> Manager::Acquire(std::string_view model, std::optional<std::int64_t> version) const {
  Handle found = world_.With([&](const World& world) -> Handle {
    const auto versions = world.find(model);
    if (versions == world.end()) return nullptr;
    if (version) {
      const auto entry = versions->second.find(*version);
      return entry == versions->second.end() ? nullptr : entry->second.servable;
    }
    for (auto entry = versions->second.rbegin(); entry != versions->second.rend(); ++entry) {
      if (entry->second.servable != nullptr) return entry->second.servable;
    }
    return nullptr;
  });
  if (found != nullptr) return found;
  if (version)
    return NotFound(fmt::format("model {} has no version {} that answers", model, *version));
  return NotFound(fmt::format("model {} has no version that answers", model));
}

std::vector<VersionStatus> Manager::Statuses(std::string_view model) const {
  return world_.With([&](const World& world) {
    std::vector<VersionStatus> out;
    const auto versions = world.find(model);
    if (versions == world.end()) return out;
    for (const auto& [version, entry] : versions->second) out.push_back(entry.status);
    return out;
  });
}

std::vector<std::string> Manager::Models() const {
  return world_.With([](const World& world) {
    std::vector<std::string> out;
    for (const auto& [model, versions] : world) out.push_back(model);
    return out;
  });
}

bool Manager::Ready() const {
  if (draining_) return false;
  return world_.With([](const World& world) {
    return !world.empty() && std::all_of(world.begin(), world.end(), [](const auto& model) {
      return std::any_of(model.second.begin(), model.second.end(),
                         [](const auto& version) { return version.second.servable != nullptr; });
    });
  });
}

}  // namespace strongroom::serving
