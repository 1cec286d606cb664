#include "attest/testing/expectations.h"

#include <gtest/gtest.h>

namespace strongroom::attest::testing {
namespace {

std::string Scalar(const Json& value) {
  const auto text = value.String();
  return text.has_value() ? std::string(*text) : std::string(value.raw());
}

}  // namespace

void Expectations::Flatten(const std::string& path, const Json& value) {
  if (value.IsObject()) {
    for (const auto& [name, member] : value.members())
      Flatten(path.empty() ? name : path + "." + name, member);
  } else if (value.IsArray()) {
    std::vector<std::string> items;
    for (const Json& item : value.items()) items.push_back(Scalar(item));
    values_[path] = ListText(items);
  } else {
    values_[path] = Scalar(value);
  }
}

void Expectations::Expect(const std::string& path, std::string_view found) {
  const auto it = values_.find(path);
  if (it == values_.end()) {
    ADD_FAILURE() << path << " is not in the case, found " << found;
    return;
  }
  EXPECT_EQ(found, it->second) << path;
  values_.erase(it);
}

void Expectations::Ignore(std::string_view prefix) {
  std::erase_if(values_, [&](const auto& entry) {
    return entry.first == prefix || entry.first.starts_with(std::string(prefix) + ".");
  });
}

void Expectations::ExpectAllTaken() const {
  for (const auto& [path, value] : values_)
    ADD_FAILURE() << "nobody looked at " << path << " = " << value;
}

std::string ListText(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) {
    if (text.size() > 1) text += ", ";
    text += item;
  }
  return text + "]";
}

}  // namespace strongroom::attest::testing
