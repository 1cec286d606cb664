#pragma once

#include <filesystem>

#include "base/result.h"

namespace strongroom::serving::openvino {

// OpenVINO looks through the folder that it was loaded from and opens whatever there is named like
// a part of it. kUntrusted, naming the file, when `folder` holds a part that this server does not
// need: it was not measured, and it would run.
Status CheckRuntimeFolder(const std::filesystem::path& folder);

// The folder of the OpenVINO that this process has loaded. kInternal when the loader does not say.
Result<std::filesystem::path> RuntimeFolder();

}  // namespace strongroom::serving::openvino
