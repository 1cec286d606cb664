#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "webhook/json_patch.h"
#include "webhook/pod.h"

namespace strongroom::webhook {

// What one container lacks. Values are JSON text.
struct ContainerEdit {
  const Container* container;
  std::vector<std::string> env = {};
  std::vector<std::string> mounts = {};
  JsonMembers limits = {};
  std::vector<std::string> command_prefix = {};
  bool read_only_root = false;

  // The value is kept when the variable is there already.
  void NeedVariable(std::string_view name, std::string_view value);
  // A mount of `volume` at `path`. kConflict when another volume is mounted there, or the same one
  // writable where read-only is wanted.
  Status NeedMount(std::string_view volume, std::string_view path, bool read_only);
};

// What a pod lacks to be what it asks for. Every Need… looks first and adds only what is missing,
// so that a pod that was edited once needs nothing.
class PodEdit {
 public:
  explicit PodEdit(const Pod& of) : pod(&of) {}

  const Pod* pod;
  std::vector<ContainerEdit> containers = {};
  std::vector<std::string> volumes = {};
  std::vector<std::string> tolerations = {};
  std::vector<std::string> init_containers = {};  // in front of the pod's own
  JsonMembers labels = {};
  JsonMembers node_selector = {};
  std::string runtime_class = {};

  // A volume of that name whose source is the member `source` ("emptyDir") with this value.
  // kConflict when the pod has a volume of that name and another source.
  Status NeedVolume(std::string_view name, std::string_view source, std::string_view value);
  // Toleration of a taint by key, whatever its value, that keeps pods from being scheduled.
  void NeedToleration(std::string_view key);
  // kConflict when a container of that name is there that is no init container.
  Status NeedInitContainer(std::string_view name, std::string json);
  // Kept when the pod names one already.
  void NeedRuntimeClass(std::string_view name);

  JsonPatch ToPatch() const;

 private:
  std::vector<std::string> made_volumes_;
};

// One environment variable, mount: JSON text.
std::string VariableJson(std::string_view name, std::string_view value);
std::string MountJson(std::string_view volume, std::string_view path, bool read_only);

}  // namespace strongroom::webhook
