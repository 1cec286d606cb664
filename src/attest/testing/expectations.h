#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace strongroom::attest::testing {

// Every attribute of an expected.json by its path ("parsed.qe_report.isv_svn"), to be taken one by
// one: what nobody takes is a failure, so that a case cannot promise what no test reads. Lists are
// written "[a, b]".
class Expectations {
 public:
  explicit Expectations(const Json& root) { Flatten("", root); }

  // Fails the running test when the attribute is absent or has another value.
  void Expect(const std::string& path, std::string_view found);
  void Expect(const std::string& path, std::uint64_t found) { Expect(path, std::to_string(found)); }
  void Expect(const std::string& path, bool found) {
    Expect(path, std::string_view(found ? "true" : "false"));
  }
  void Expect(const std::string& path, const char* found) { Expect(path, std::string_view(found)); }
  bool Has(const std::string& path) const { return values_.contains(path); }

  // Where it comes from and what other verifiers said of it: not about us.
  void Ignore(std::string_view prefix);

  // Fails the running test for every attribute that nobody took.
  void ExpectAllTaken() const;

 private:
  void Flatten(const std::string& path, const Json& value);

  std::map<std::string, std::string> values_;
};

// "[a, b]"
std::string ListText(const std::vector<std::string>& items);

}  // namespace strongroom::attest::testing
