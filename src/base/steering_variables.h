#pragma once

#include <string_view>

namespace strongroom {

// Environment variables that choose code or its behaviour before a program's own main runs: in the
// loader, the C library, OpenSSL (LD_*, GLIBC_TUNABLES, OPENSSL_CONF, LOCPATH, …). No measured
// workload gets one, whoever sets it.
bool SteersTheLoader(std::string_view variable);

// The same for interpreters and run-time systems (PYTHON*, NODE_*, LUA_*, BASH_ENV, CLASSPATH, …):
// harmless where they are measured, a way in where anyone else may set them.
bool SteersAnInterpreter(std::string_view variable);

}  // namespace strongroom
