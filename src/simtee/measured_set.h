#pragma once

#include <map>
#include <string>
#include <string_view>

#include "attest/sgx/report_body.h"
#include "simtee/frozen_file.h"
#include "simtee/launch_description.h"

namespace strongroom::simtee {

// Why a file is in the measured set.
enum class FileRole { kProgram, kInterpreter, kLibrary, kPlugin, kConfiguration };
std::string_view FileRoleName(FileRole role);

struct MeasuredFile {
  FileRole role;
  FrozenFile content;
};

// Everything a workload can execute and all its configuration, frozen: path inside → copy. What is
// not in it is not there when the workload runs, or cannot be executed.
using MeasuredSet = std::map<std::string, MeasuredFile>;

// Freezes the description's programs and plugins with their interpreters and libraries, and its
// files. The closure is found as the loader will look for it (ld.so(8)): DT_RPATH or DT_RUNPATH
// with $ORIGIN, then the default folders; never the cache or the environment, which the workload
// will not have. It is read from the frozen copies, and not by running the interpreter, which would
// execute what has not been measured yet. All paths, sources too, are in `tree`. kNotFound names
// what a library is needed by.
Result<MeasuredSet> FreezeMeasuredSet(const LaunchDescription& description,
                                      const FileTree& tree = {});

// The canonical record: compact JSON of the format's version, the description (without product id,
// security version and debug, which SGX reports beside the measurement) and path, role and SHA-256
// of every measured file.
std::string MeasurementRecord(const LaunchDescription& description, const MeasuredSet& files);

// SHA-256 of the record.
attest::MrEnclave Measure(std::string_view record);

}  // namespace strongroom::simtee
