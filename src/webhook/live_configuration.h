#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/guarded.h"
#include "base/secret.h"
#include "crypto/hash.h"
#include "webhook/config.h"

namespace strongroom::webhook {

// A file that changes while the program runs (a mounted ConfigMap or Secret: the kubelet swaps a
// folder's link, so the path keeps and the file behind it changes). It may hold a key: only its
// digest is remembered.
class WatchedFile {
 public:
  WatchedFile(std::filesystem::path path, std::size_t max_bytes)
      : path_(std::move(path)), max_bytes_(max_bytes) {}

  // Its content when it differs from the last one that was given; an error while it cannot be
  // read.
  Result<std::optional<SecretBytes>> Changed();
  // Gives the same again next time: what was done with it failed.
  void Forget() { last_.reset(); }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::size_t max_bytes_;
  std::optional<crypto::Sha256Digest> last_;
};

// The configuration in force. A request sees one configuration from beginning to end.
class LiveConfiguration {
 public:
  explicit LiveConfiguration(Configuration configuration) { Set(std::move(configuration)); }

  // Shared, because requests in flight keep the one they began with.
  std::shared_ptr<const Configuration> Get() const {
    return current_.With([](const auto& current) { return current; });
  }
  void Set(Configuration configuration) {
    auto next = std::make_shared<const Configuration>(std::move(configuration));
    current_.With([&](auto& current) { std::swap(current, next); });
  }

 private:
  Guarded<std::shared_ptr<const Configuration>> current_;
};

}  // namespace strongroom::webhook
