// For sanitizer builds only. OpenVINO's thread pool opens a library with RTLD_DEEPBIND, which would
// give that library its own copies of what the sanitizer replaces; the sanitizers' runtime aborts
// on sight of the flag. Programs that link this file open the library without it.

#include <dlfcn.h>

extern "C" void* dlopen(const char* file, int mode) noexcept {
  using Dlopen = void* (*)(const char*, int);
  static const auto next = reinterpret_cast<Dlopen>(dlsym(RTLD_NEXT, "dlopen"));
  return next(file, mode & ~RTLD_DEEPBIND);
}
