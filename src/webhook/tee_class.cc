#include "webhook/tee_class.h"

#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace strongroom::webhook {
namespace {

template <class T>
using Names = std::span<const std::pair<std::string_view, T>>;

constexpr std::pair<std::string_view, Tee> kTees[] = {
    {"sgx", Tee::kSgx}, {"tdx", Tee::kTdx}, {"snp", Tee::kSnp}, {"sim", Tee::kSim}};
constexpr std::pair<std::string_view, Mode> kModes[] = {
    {"launcher", Mode::kLauncher}, {"init", Mode::kInit}, {"sidecar", Mode::kSidecar}};
constexpr std::pair<std::string_view, QuoteProvider> kProviders[] = {
    {"in-process", QuoteProvider::kInProcess},
    {"aesmd", QuoteProvider::kAesmd},
    {"none", QuoteProvider::kNone}};

template <class T>
Result<T> Parse(std::string_view name, Names<T> names, std::string_view what) {
  std::string wanted;
  for (const auto& [known, value] : names) {
    if (known == name) return value;
    wanted += fmt::format("{}{}", wanted.empty() ? "" : ", ", known);
  }
  return Malformed(fmt::format("{} \"{}\", wanted one of {}", what, name.substr(0, 63), wanted));
}

template <class T>
std::string_view NameOf(T wanted, Names<T> names) {
  for (const auto& [name, value] : names) {
    if (value == wanted) return name;
  }
  return "?";
}

}  // namespace

Result<Tee> ParseTee(std::string_view name) { return Parse<Tee>(name, kTees, "TEE"); }
std::string_view ModeName(Mode mode) { return NameOf<Mode>(mode, kModes); }
Result<Mode> ParseMode(std::string_view name) { return Parse<Mode>(name, kModes, "mode"); }
Result<QuoteProvider> ParseQuoteProvider(std::string_view name) {
  return Parse<QuoteProvider>(name, kProviders, "quote provider");
}

}  // namespace strongroom::webhook
