#pragma once

#include <filesystem>

#include "base/bytes.h"
#include "base/result.h"

namespace strongroom {

// Where a portable copy keeps its libraries, beside the program. A program that can be copied is
// linked with the DT_RPATH "$ORIGIN/strongroom-lib" (cmake: strongroom_program(... PORTABLE)).
inline constexpr const char* kPortableLibraries = "strongroom-lib";

// Copies the running program into `folder` (made if need be) so that it runs there in any x86-64
// container whatever libraries that has: the program under its own name, and the loader and the
// libraries that it runs with in strongroom-lib. Its loader's path is written into it, so it runs
// at `folder` only. Goes over what an earlier copy left.
Status CopyProgramTo(const std::filesystem::path& folder);

// `program`, an ELF program, with `interpreter` as its loader: the text is added at the end and the
// PT_INTERP header points there, where the kernel reads it. kMalformed, kUnsupported for what is no
// dynamically linked 64-bit ELF program; kMalformed for a path above 4,095 bytes.
Result<Bytes> WithInterpreter(ByteView program, const std::string& interpreter);

}  // namespace strongroom
