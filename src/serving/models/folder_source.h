#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "pfs/node_cipher.h"
#include "serving/core/model_files.h"

namespace strongroom::serving::models {

// Where the versions of a model lie: <folder>/<version>/model.xml with model.bin, or model.onnx.
inline constexpr std::string_view kIrGraph = "model.xml";
inline constexpr std::string_view kIrWeights = "model.bin";
inline constexpr std::string_view kOnnx = "model.onnx";

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
  // `threads` decrypt one file together. kMalformed when `trust` names no complete version, or a
  // digest is not 32 bytes.
  static Result<std::unique_ptr<ProtectedFolder>> Make(std::string model,
                                                       std::filesystem::path folder,
                                                       ModelTrust trust, unsigned threads);

  Result<std::vector<std::int64_t>> Versions(std::string_view model) override;
  Result<ModelFiles> Read(std::string_view model, std::int64_t version) override;

 private:
  ProtectedFolder(std::string model, std::filesystem::path folder, ModelTrust trust,
                  unsigned threads)
      : model_(std::move(model)),
        folder_(std::move(folder)),
        trust_(std::move(trust)),
        threads_(threads) {}

  Result<Buffer> ReadFile(std::int64_t version, std::string_view file) const;

  std::string model_;
  std::filesystem::path folder_;
  ModelTrust trust_;
  unsigned threads_;
};

// A model as a folder of plain files: for comparing answers, never for serving what is secret.
class InsecurePlainFolder final : public ModelSource {
 public:
  explicit InsecurePlainFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  Result<std::vector<std::int64_t>> Versions(std::string_view model) override;
  Result<ModelFiles> Read(std::string_view model, std::int64_t version) override;

 private:
  std::filesystem::path folder_;
};

}  // namespace strongroom::serving::models
