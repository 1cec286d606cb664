#include "simtee/testing_library.h"

extern "C" int strongroom_probe_library() { return 1001; }
