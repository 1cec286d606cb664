#include "simtee/launch_flags.h"

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "base/files.h"
#include "simtee/environment.h"
#include "tee/detect.h"

namespace strongroom::simtee {
namespace {

namespace fs = std::filesystem;

struct PathAndSource {
  std::string path;
  std::string source;  // empty when there was no =
};

PathAndSource SplitAtEquals(const std::string& text) {
  const auto at = text.find('=');
  if (at == std::string::npos) return {.path = text, .source = {}};
  return {.path = text.substr(0, at), .source = text.substr(at + 1)};
}

Result<std::vector<std::string>> AbsolutePaths(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const fs::path absolute, AbsolutePath(path));
    out.push_back(absolute.string());
  }
  return out;
}

// `PATH=SOURCE`, or `PATH` for both.
Result<std::string> SourceOf(const PathAndSource& pair) {
  ASSIGN_OR_RETURN(const fs::path source,
                   AbsolutePath(pair.source.empty() ? pair.path : pair.source));
  return source.string();
}

Result<LaunchDescription> DescribedByFlags(const LaunchFlags& flags) {
  LaunchDescription described;
  for (const std::string& text : flags.env) {
    if (!text.contains('=')) return Malformed(fmt::format("--env {}, wanted NAME=VALUE", text));
    const PathAndSource pair = SplitAtEquals(text);
    described.env[pair.path] = pair.source;
  }
  described.host_env = flags.host_env;
  ASSIGN_OR_RETURN(described.programs, AbsolutePaths(flags.programs));
  ASSIGN_OR_RETURN(described.plugins, AbsolutePaths(flags.plugins));
  for (const std::string& text : flags.files) {
    const PathAndSource pair = SplitAtEquals(text);
    ASSIGN_OR_RETURN(std::string source, SourceOf(pair));
    std::string path = pair.source.empty() ? source : pair.path;
    described.files.push_back({.path = std::move(path), .source = std::move(source)});
  }
  for (const std::string& text : flags.mounts)
    described.mounts.push_back({.path = SplitAtEquals(text).path, .writable = false});
  for (const std::string& text : flags.writable_mounts) {
    described.mounts.push_back({.path = SplitAtEquals(text).path, .writable = true});
  }
  described.working_directory = flags.working_directory;
  described.product_id = flags.product_id;
  described.security_version = flags.security_version;
  return described;
}

Result<LaunchRequest> RequestOf(const LaunchFlags& flags) {
  LaunchRequest request;
  request.command = flags.command;
  request.debug = flags.debug;
  if (!flags.launch.empty()) {
    request.description_file = flags.launch;
    request.image = flags.image;
    if (!flags.image.empty() && !flags.launch.starts_with('/'))
      return Malformed(
          fmt::format("--launch {}, wanted its absolute path in the image", flags.launch));
  } else {
    ASSIGN_OR_RETURN(request.described, DescribedByFlags(flags));
  }
  return request;
}

LaunchSigner SignerOf(const LaunchFlags& flags) {
  if (!flags.signature.empty())
    return {.sigstruct_file = flags.signature, .key_file = std::nullopt};
  if (!flags.key.empty()) return {.sigstruct_file = std::nullopt, .key_file = flags.key};
  const std::string beside = flags.image + flags.launch + ".sig";
  std::error_code error;
  if (!flags.is_unsigned && !flags.launch.empty() && fs::exists(beside, error)) {
    return {.sigstruct_file = beside, .key_file = std::nullopt};
  }
  return {};
}

}  // namespace

Result<PreparedLaunch> Prepare(const LaunchFlags& flags, Entropy& entropy) {
  RETURN_IF_ERROR(CheckOwnEnvironment(ProcessEnvironment));
  ASSIGN_OR_RETURN(const LaunchRequest request, RequestOf(flags));
  const char* path = std::getenv("PATH");
  ASSIGN_OR_RETURN(LaunchDescription description,
                   DescribeLaunch(request, path == nullptr ? "" : path));
  FileTree tree;
  if (!flags.image.empty()) {
    ASSIGN_OR_RETURN(tree, FileTree::At(flags.image));
  }
  return PrepareLaunch(std::move(description), SignerOf(flags), entropy, tree);
}

Result<std::map<std::string, std::string>> MountSources(const LaunchFlags& flags) {
  std::map<std::string, std::string> sources;
  for (const auto* list : {&flags.mounts, &flags.writable_mounts}) {
    for (const std::string& text : *list) {
      const PathAndSource pair = SplitAtEquals(text);
      ASSIGN_OR_RETURN(sources[pair.path], SourceOf(pair));
    }
  }
  return sources;
}

}  // namespace strongroom::simtee
