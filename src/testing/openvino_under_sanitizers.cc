// For sanitizer builds only: what OpenVINO, which comes without instrumentation, needs of them.
// Programs that link strongroom_serving_openvino get it whatever their environment says.

#include <dlfcn.h>

// OpenVINO's thread pool opens a library with RTLD_DEEPBIND, which would give that library its own
// copies of what the sanitizer replaces; the sanitizers' runtime aborts on sight of the flag.
extern "C" void* dlopen(const char* file, int mode) noexcept {
  using Dlopen = void* (*)(const char*, int);
  static const auto next = reinterpret_cast<Dlopen>(dlsym(RTLD_NEXT, "dlopen"));
  return next(file, mode & ~RTLD_DEEPBIND);
}

// The thread sanitizer does not see how uninstrumented code synchronises, only some of its
// accesses: those look like races. TSAN_OPTIONS adds to these.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() {
  return "ignore_noninstrumented_modules=1:halt_on_error=1";
}
