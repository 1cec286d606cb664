#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "collateral/source.h"

namespace strongroom::collateral {

// Endorsements kept in files, for machines without a way to a PCCS
// (docs/formats/endorsements-bundle.md).
class Bundle final : public EndorsementSource {
 public:
  // A JSON file, or a folder with the files of one set or with a folder for each set.
  static Result<std::unique_ptr<Bundle>> Read(const std::filesystem::path& path);
  static Result<std::unique_ptr<Bundle>> FromJson(std::string_view text);

  // The set whose TCB info names the family and whose PCK CRL is of the CA. kNotFound.
  Result<attest::Endorsements> Fetch(const attest::EndorsementSubject& subject) override;

  const std::vector<attest::Endorsements>& sets() const { return sets_; }

 private:
  explicit Bundle(std::vector<attest::Endorsements> sets) : sets_(std::move(sets)) {}
  std::vector<attest::Endorsements> sets_;
};

// The JSON form of a bundle.
std::string WriteBundle(const std::vector<attest::Endorsements>& sets);

}  // namespace strongroom::collateral
