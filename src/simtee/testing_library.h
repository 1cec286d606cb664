#pragma once

// A shared library that the probe is linked with, so that tests can change it.
extern "C" int strongroom_probe_library();
