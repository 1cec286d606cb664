#include "base/plain_path.h"

namespace strongroom {

bool IsPlainRelativePath(std::string_view path) {
  if (path.contains('\0')) return false;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view component = path.substr(0, slash);
    if (component.empty() || component == "." || component == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace strongroom
