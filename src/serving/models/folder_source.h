#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/model_layout.h"
#include "pfs/node_cipher.h"
#include "serving/core/model_files.h"

namespace strongroom::serving::models {

// What the owner said about a model, through the coordinator.
struct ModelTrust {
  pfs::WrapKey key;
  // Logical path that the files were encrypted under; files are bound to <prefix>/<version>/<file>.
  std::string embedded_prefix;
  // "<version>/<file>" to the SHA-256 of its plaintext. What is not named here is not opened.
  std::map<std::string, Bytes> files;
};

// A model as a folder of protected files, opened with its owner's key. The folder is the host's,
// and nothing in it is believed: versions are those that the owner names, so that leaving out the
// newest cannot bring back an old one; each file must be genuine, bound to its own logical path,
// and the very content that the owner named. Plaintext is decrypted straight into the buffers that
// are returned and exists nowhere else.
//
// Errors of Read, by who is at fault: kNotFound, a file is missing; kUntrusted with a finding of
// pfs for a wrong key, tampering or a swapped path, and with "models.other-content" for a genuine
// file that is not the one named (an older state); kPrecondition, the owner named no such file.
class ProtectedFolder final : public ModelSource {
 public:
  // `threads` decrypt one file together. kMalformed when the files that `trust` names are none, or
  // no model's (base/model_layout.h), or a digest is not 32 bytes.
  static Result<std::unique_ptr<ProtectedFolder>> Make(std::string model,
                                                       std::filesystem::path folder,
                                                       ModelTrust trust, unsigned threads);

  Result<std::vector<std::int64_t>> Versions(std::string_view model) override;
  Result<ModelFiles> Read(std::string_view model, std::int64_t version) override;

 private:
  ProtectedFolder(std::string model, std::filesystem::path folder, ModelTrust trust,
                  ModelLayout layout, unsigned threads)
      : model_(std::move(model)),
        folder_(std::move(folder)),
        trust_(std::move(trust)),
        layout_(std::move(layout)),
        threads_(threads) {}

  // `name` is one of the owner's.
  Result<Buffer> ReadFile(const std::string& name) const;

  std::string model_;
  std::filesystem::path folder_;
  ModelTrust trust_;
  ModelLayout layout_;
  unsigned threads_;
};

// A model as a folder of plain files: for comparing answers, never for serving what is secret. Of
// two folders of one number the last by name counts.
class InsecurePlainFolder final : public ModelSource {
 public:
  explicit InsecurePlainFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  Result<std::vector<std::int64_t>> Versions(std::string_view model) override;
  Result<ModelFiles> Read(std::string_view model, std::int64_t version) override;

 private:
  std::filesystem::path folder_;
};

}  // namespace strongroom::serving::models
