#include "base/steering_variables.h"

#include <algorithm>
#include <array>
#include <span>

namespace strongroom {
namespace {

constexpr std::array<std::string_view, 5> kLoaderPrefixes = {"LD_", "MALLOC_", "OPENSSL_",
                                                             "SSL_CERT_", "GLIBC_"};
constexpr std::array<std::string_view, 13> kLoaderNames = {
    "CTLOG_FILE",  "GCONV_PATH", "GETCONF_DIR",      "HOSTALIASES",
    "LOCALDOMAIN", "LOCPATH",    "NIS_PATH",         "NLSPATH",
    "RES_OPTIONS", "TMPDIR",     "RESOLV_HOST_CONF", "TCMALLOC_SAMPLE_PARAMETER",
    "TZDIR"};

constexpr std::array<std::string_view, 6> kInterpreterPrefixes = {"PYTHON", "PERL5", "RUBY",
                                                                  "NODE_",  "LUA_",  "CORECLR_"};
constexpr std::array<std::string_view, 10> kInterpreterNames = {"BASH_ENV",
                                                                "CLASSPATH",
                                                                "DOTNET_ADDITIONAL_DEPS",
                                                                "DOTNET_STARTUP_HOOKS",
                                                                "ENV",
                                                                "JAVA_TOOL_OPTIONS",
                                                                "JDK_JAVA_OPTIONS",
                                                                "PHPRC",
                                                                "PHP_INI_SCAN_DIR",
                                                                "_JAVA_OPTIONS"};

bool IsIn(std::string_view variable, std::span<const std::string_view> prefixes,
          std::span<const std::string_view> names) {
  return std::ranges::any_of(prefixes, [&](auto prefix) { return variable.starts_with(prefix); }) ||
         std::ranges::find(names, variable) != names.end();
}

}  // namespace

bool SteersTheLoader(std::string_view variable) {
  return IsIn(variable, kLoaderPrefixes, kLoaderNames);
}

bool SteersAnInterpreter(std::string_view variable) {
  return IsIn(variable, kInterpreterPrefixes, kInterpreterNames);
}

}  // namespace strongroom
