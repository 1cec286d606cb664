#include "webhook/pod.h"

#include <fmt/format.h>

namespace strongroom::webhook {
namespace {

std::unexpected<Error> WrongKind(const Json& value, std::string_view wanted) {
  return Malformed(fmt::format("{} is of the wrong kind, wanted {}", value.path(), wanted));
}

const Json* NamedItem(const Json* array, std::string_view member, std::string_view wanted) {
  if (array == nullptr) return nullptr;
  for (const Json& item : array->items()) {
    const Json* value = item.Find(member);
    if (value != nullptr && value->IsString() && *value->String() == wanted) return &item;
  }
  return nullptr;
}

// Labels and annotations are strings; another kind counts as absent nowhere: it is refused.
Result<const Json*> TextsMember(const Json& object, std::string_view name) {
  ASSIGN_OR_RETURN(const Json* texts, ObjectMember(object, name));
  if (texts == nullptr) return texts;
  for (const auto& [key, value] : texts->members()) {
    if (!value.IsString()) return WrongKind(value, "a string");
  }
  return texts;
}

std::optional<std::string_view> TextOf(const Json* texts, std::string_view name) {
  if (texts == nullptr) return std::nullopt;
  const Json* value = texts->Find(name);
  if (value == nullptr) return std::nullopt;
  return *value->String();
}

Result<Container> ReadContainer(const Json& json, std::string pointer, bool init) {
  if (!json.IsObject()) return WrongKind(json, "an object");
  Container out{.pointer = std::move(pointer), .init = init};
  ASSIGN_OR_RETURN(out.name, TextMember(json, "name"));
  if (out.name.empty()) return Malformed(json.path() + " has no name");
  ASSIGN_OR_RETURN(out.command, ArrayMember(json, "command"));
  ASSIGN_OR_RETURN(out.args, ArrayMember(json, "args"));
  ASSIGN_OR_RETURN(out.env, ArrayMember(json, "env"));
  ASSIGN_OR_RETURN(out.mounts, ArrayMember(json, "volumeMounts"));
  ASSIGN_OR_RETURN(out.resources, ObjectMember(json, "resources"));
  if (out.resources != nullptr) {
    ASSIGN_OR_RETURN(out.limits, ObjectMember(*out.resources, "limits"));
  }
  ASSIGN_OR_RETURN(out.security, ObjectMember(json, "securityContext"));
  return out;
}

Status ReadContainers(const Json& spec, std::string_view list, bool init,
                      std::vector<Container>& out) {
  ASSIGN_OR_RETURN(const Json* array, ArrayMember(spec, list));
  if (array == nullptr) return {};
  const std::vector<Json>& items = array->items();
  for (std::size_t i = 0; i < items.size(); ++i) {
    ASSIGN_OR_RETURN(Container container,
                     ReadContainer(items[i], fmt::format("/spec/{}/{}", list, i), init));
    out.push_back(std::move(container));
  }
  return {};
}

}  // namespace

Result<const Json*> ObjectMember(const Json& object, std::string_view name) {
  const Json* value = object.Find(name);
  if (value == nullptr || value->IsNull()) return nullptr;
  if (!value->IsObject()) return WrongKind(*value, "an object");
  return value;
}

Result<const Json*> ArrayMember(const Json& object, std::string_view name) {
  const Json* value = object.Find(name);
  if (value == nullptr || value->IsNull()) return nullptr;
  if (!value->IsArray()) return WrongKind(*value, "an array");
  return value;
}

Result<std::string_view> TextMember(const Json& object, std::string_view name) {
  const Json* value = object.Find(name);
  if (value == nullptr || value->IsNull()) return std::string_view();
  return value->String();
}

bool Container::HasVariable(std::string_view variable) const {
  return NamedItem(env, "name", variable) != nullptr;
}

const Json* Container::MountAt(std::string_view path) const {
  return NamedItem(mounts, "mountPath", path);
}

Result<Pod> Pod::Of(const Json& object) {
  if (!object.IsObject()) return Malformed("the pod is no object");
  Pod out;
  ASSIGN_OR_RETURN(const Json* metadata, ObjectMember(object, "metadata"));
  if (metadata != nullptr) {
    ASSIGN_OR_RETURN(out.labels, TextsMember(*metadata, "labels"));
    ASSIGN_OR_RETURN(out.annotations, TextsMember(*metadata, "annotations"));
  }
  ASSIGN_OR_RETURN(out.spec, ObjectMember(object, "spec"));
  if (out.spec == nullptr) return Malformed("the pod has no spec");
  ASSIGN_OR_RETURN(out.volumes, ArrayMember(*out.spec, "volumes"));
  ASSIGN_OR_RETURN(out.tolerations, ArrayMember(*out.spec, "tolerations"));
  ASSIGN_OR_RETURN(out.node_selector, ObjectMember(*out.spec, "nodeSelector"));
  ASSIGN_OR_RETURN(out.init_containers, ArrayMember(*out.spec, "initContainers"));
  ASSIGN_OR_RETURN(out.security, ObjectMember(*out.spec, "securityContext"));
  RETURN_IF_ERROR(ReadContainers(*out.spec, "initContainers", true, out.containers));
  RETURN_IF_ERROR(ReadContainers(*out.spec, "containers", false, out.containers));
  ASSIGN_OR_RETURN(const Json* ephemeral, ArrayMember(*out.spec, "ephemeralContainers"));
  if (ephemeral != nullptr) out.ephemeral_containers = ephemeral->items().size();
  return out;
}

std::optional<std::string_view> Pod::Label(std::string_view name) const {
  return TextOf(labels, name);
}

std::optional<std::string_view> Pod::Annotation(std::string_view name) const {
  return TextOf(annotations, name);
}

const Container* Pod::FindContainer(std::string_view name) const {
  for (const Container& container : containers) {
    if (container.name == name) return &container;
  }
  return nullptr;
}

const Json* Pod::FindVolume(std::string_view name) const {
  return NamedItem(volumes, "name", name);
}

}  // namespace strongroom::webhook
