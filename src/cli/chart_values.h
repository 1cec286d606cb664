#pragma once

#include <filesystem>
#include <string>

#include "cli/command.h"

// What `install` hands to Helm.
namespace strongroom::cli {

// The folder of the charts: of --chart-folder, else beside the program as it is installed
// (../share/strongroom/charts) or as it is built (deploy/charts of the source). kNotFound, naming
// the places.
Result<std::filesystem::path> ChartFolder(const Arguments& arguments);

// The values (JSON) that the flags of `install` mean. `resource_key` is the one that was found on
// the nodes, empty for the chart's own default. kMalformed: a port or a word that means nothing.
Result<std::string> ChartValues(const Arguments& arguments, const std::string& resource_key);

// "0.1.0+20260131120000.gab12cd34ef56" as an image's tag, which knows no plus.
std::string ImageTag(std::string_view version);

}  // namespace strongroom::cli
