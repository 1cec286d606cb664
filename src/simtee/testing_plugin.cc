// A shared object that the probe opens by name; it needs testing_library too.
#include "simtee/testing_library.h"

extern "C" int strongroom_probe_plugin();
extern "C" int strongroom_probe_plugin() { return strongroom_probe_library() + 1; }
