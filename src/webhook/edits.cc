#include "webhook/edits.h"

#include <algorithm>

#include <fmt/format.h>

namespace strongroom::webhook {
namespace {

std::string_view TextOr(const Json& object, std::string_view name) {
  const Json* value = object.Find(name);
  return value != nullptr && value->IsString() ? *value->String() : std::string_view();
}

bool IsTrue(const Json& object, std::string_view name) {
  const Json* value = object.Find(name);
  return value != nullptr && value->Bool().value_or(false);
}

// Whether a toleration of the pod lets it onto nodes with a NoSchedule taint of this key, whatever
// the taint's value.
bool Tolerates(const Json& toleration, std::string_view key) {
  const std::string_view effect = TextOr(toleration, "effect");
  const std::string_view tolerated = TextOr(toleration, "key");
  return TextOr(toleration, "operator") == "Exists" && (tolerated == key || tolerated.empty()) &&
         (effect.empty() || effect == "NoSchedule");
}

void ApplyLimits(const ContainerEdit& edit, JsonPatch& patch) {
  if (edit.limits.empty()) return;
  const Container& container = *edit.container;
  const std::string resources = Pointer(container.pointer, "resources");
  if (container.resources == nullptr) {
    JsonWriter writer;
    writer.Object().Key("limits").Object();
    for (const auto& [name, value] : edit.limits) writer.Key(name).Raw(value);
    patch.Add(resources, writer.End().End().text());
    return;
  }
  patch.AddMissing(Pointer(resources, "limits"), container.limits, edit.limits);
}

// The test in front of each rewritten command keeps the patch from beginning another command than
// the one it was made for.
void ApplyCommand(const ContainerEdit& edit, JsonPatch& patch) {
  if (edit.command_prefix.empty()) return;
  const Container& container = *edit.container;
  patch.Test(Pointer(container.pointer, "name"), Quoted(container.name));
  std::vector<std::string> words;
  words.reserve(edit.command_prefix.size());
  for (const std::string& word : edit.command_prefix) words.push_back(Quoted(word));
  patch.Prepend(Pointer(container.pointer, "command"), container.command, words);
}

void Apply(const ContainerEdit& edit, JsonPatch& patch) {
  const Container& container = *edit.container;
  ApplyCommand(edit, patch);
  patch.Append(Pointer(container.pointer, "env"), container.env, edit.env);
  ApplyLimits(edit, patch);
  if (edit.read_only_root) {
    patch.AddMissing(Pointer(container.pointer, "securityContext"), container.security,
                     {{"readOnlyRootFilesystem", "true"}});
  }
  patch.Append(Pointer(container.pointer, "volumeMounts"), container.mounts, edit.mounts);
}

}  // namespace

std::string VariableJson(std::string_view name, std::string_view value) {
  JsonWriter writer;
  return std::move(writer.Object().Key("name").String(name).Key("value").String(value).End())
      .Finish();
}

std::string MountJson(std::string_view volume, std::string_view path, bool read_only) {
  JsonWriter writer;
  writer.Object().Key("name").String(volume).Key("mountPath").String(path);
  if (read_only) writer.Key("readOnly").Bool(true);
  return std::move(writer.End()).Finish();
}

void ContainerEdit::NeedVariable(std::string_view name, std::string_view value) {
  if (!container->HasVariable(name)) env.push_back(VariableJson(name, value));
}

Status ContainerEdit::NeedMount(std::string_view volume, std::string_view path, bool read_only) {
  const Json* there = container->MountAt(path);
  if (there == nullptr) {
    mounts.push_back(MountJson(volume, path, read_only));
    return {};
  }
  if (TextOr(*there, "name") != volume)
    return Conflict(fmt::format("container \"{}\" mounts the volume \"{}\" at {}, wanted \"{}\"",
                                container->name, TextOr(*there, "name"), path, volume));
  if (read_only && !IsTrue(*there, "readOnly"))
    return Conflict(fmt::format("container \"{}\" mounts \"{}\" writable, wanted read-only",
                                container->name, volume));
  return {};
}

Status PodEdit::NeedVolume(std::string_view name, std::string_view source, std::string_view value) {
  if (const Json* there = pod->FindVolume(name)) {
    const Json* found = there->Find(source);
    if (found == nullptr || found->IsNull())
      return Conflict(
          fmt::format("the pod's volume \"{}\" is no {}, wanted that name for one of "
                      "the webhook's",
                      name, source));
    return {};
  }
  if (std::ranges::find(made_volumes_, name) != made_volumes_.end()) return {};
  made_volumes_.emplace_back(name);
  JsonWriter writer;
  writer.Object().Key("name").String(name).Key(source).Raw(value).End();
  volumes.push_back(std::move(writer).Finish());
  return {};
}

void PodEdit::NeedToleration(std::string_view key) {
  if (pod->tolerations != nullptr) {
    for (const Json& toleration : pod->tolerations->items()) {
      if (Tolerates(toleration, key)) return;
    }
  }
  JsonWriter writer;
  writer.Object().Key("key").String(key).Key("operator").String("Exists");
  writer.Key("effect").String("NoSchedule").End();
  tolerations.push_back(std::move(writer).Finish());
}

Status PodEdit::NeedInitContainer(std::string_view name, std::string json) {
  const Container* there = pod->FindContainer(name);
  if (there == nullptr) init_containers.push_back(std::move(json));
  else if (!there->init)
    return Conflict(
        fmt::format("container \"{}\" has a name of the webhook's, wanted another", name));
  return {};
}

void PodEdit::NeedRuntimeClass(std::string_view name) {
  if (TextOr(*pod->spec, "runtimeClassName").empty()) runtime_class = name;
}

JsonPatch PodEdit::ToPatch() const {
  JsonPatch patch;
  patch.AddMissing("/metadata/labels", pod->labels, labels);
  for (const ContainerEdit& edit : containers) Apply(edit, patch);
  patch.Append("/spec/volumes", pod->volumes, volumes);
  patch.Append("/spec/tolerations", pod->tolerations, tolerations);
  patch.AddMissing("/spec/nodeSelector", pod->node_selector, node_selector);
  if (!runtime_class.empty()) patch.Add("/spec/runtimeClassName", Quoted(runtime_class));
  // Last: it moves the init containers that the pointers above count.
  patch.Prepend("/spec/initContainers", pod->init_containers, init_containers);
  return patch;
}

}  // namespace strongroom::webhook
