#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace strongroom::webhook {

// A member of this kind; null when it is absent or JSON null. kMalformed: another kind.
Result<const Json*> ObjectMember(const Json& object, std::string_view name);
Result<const Json*> ArrayMember(const Json& object, std::string_view name);
Result<std::string_view> TextMember(const Json& object, std::string_view name);  // empty: absent

// The parts of one container that this program reads or adds to. Null: the pod has none.
struct Container {
  std::string pointer = {};  // JSON Pointer in the pod
  std::string_view name = {};
  bool init = false;  // stands in initContainers
  const Json* command = nullptr;
  const Json* args = nullptr;
  const Json* env = nullptr;
  const Json* mounts = nullptr;
  const Json* resources = nullptr;
  const Json* limits = nullptr;
  const Json* security = nullptr;

  // Whether an environment variable of that name is there, whatever its value.
  bool HasVariable(std::string_view variable) const;
  // The mount at a path; null when there is none.
  const Json* MountAt(std::string_view path) const;
};

// A pod as the API server sent it: views of a document that outlives them. Everything this program
// touches was found to be of the kind that the API says; what else is in the pod was not looked at.
struct Pod {
  const Json* labels = nullptr;
  const Json* annotations = nullptr;
  const Json* spec = nullptr;
  const Json* volumes = nullptr;
  const Json* tolerations = nullptr;
  const Json* node_selector = nullptr;
  const Json* init_containers = nullptr;
  const Json* security = nullptr;          // of the pod
  std::vector<Container> containers = {};  // init containers first
  std::size_t ephemeral_containers = 0;

  // kMalformed: no spec, a part of another kind than the API's, a container without a name.
  static Result<Pod> Of(const Json& object);

  std::optional<std::string_view> Label(std::string_view name) const;
  std::optional<std::string_view> Annotation(std::string_view name) const;
  const Container* FindContainer(std::string_view name) const;
  const Json* FindVolume(std::string_view name) const;
};

}  // namespace strongroom::webhook
