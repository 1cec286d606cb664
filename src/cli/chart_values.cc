#include "cli/chart_values.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "base/version.h"

namespace strongroom::cli {
namespace {

namespace fs = std::filesystem;

bool HoldsCharts(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(folder / "strongroom" / "Chart.yaml", error);
}

Result<int> Port(const Arguments& arguments, std::string_view flag, int otherwise) {
  const auto text = arguments.Optional(flag);
  if (!text.has_value()) return otherwise;
  const auto port = ParseDecimal<std::uint16_t>(*text);
  if (!port || *port == 0)
    return WrongUsage(fmt::format("--{} is \"{}\", wanted 1 to 65535", flag, *text));
  return *port;
}

Result<bool> TrueOrFalse(const Arguments& arguments, std::string_view flag, bool otherwise) {
  std::string text = arguments.Or(flag, otherwise ? "true" : "false");
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (text == "true") return true;
  if (text == "false") return false;
  return WrongUsage(fmt::format("--{} is \"{}\", wanted TRUE or FALSE", flag, text));
}

// "a,b" and "a" "b" alike.
std::vector<std::string> Names(const Arguments& arguments, std::string_view flag) {
  std::vector<std::string> names;
  for (const std::string& typed : arguments.All(flag)) {
    std::string_view rest = typed;
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (comma > 0) names.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return names;
}

void WriteImage(const Arguments& arguments, JsonWriter& out) {
  out.Key("image").Object().Key("tag").String(arguments.Or("image-tag", ImageTag(Version())));
  if (const auto registry = arguments.Optional("registry")) out.Key("registry").String(*registry);
  out.End();
}

void WriteTee(const Arguments& arguments, const std::string& resource_key, JsonWriter& out) {
  out.Key("tee").Object();
  if (const auto tee = arguments.Optional("tee")) out.Key("class").String(*tee);
  if (!resource_key.empty()) out.Key("resourceKey").String(resource_key);
  out.End();
}

}  // namespace

std::string ImageTag(std::string_view version) {
  std::string tag(version);
  std::ranges::replace(tag, '+', '-');
  return tag;
}

Result<fs::path> ChartFolder(const Arguments& arguments) {
  std::vector<fs::path> places;
  if (const auto named = arguments.Optional("chart-folder")) {
    places.emplace_back(*named);
  } else {
    std::error_code error;
    const fs::path bin = fs::read_symlink("/proc/self/exe", error).parent_path();
    places = {bin.parent_path() / "share" / "strongroom" / "charts",
              bin.parent_path().parent_path().parent_path() / "deploy" / "charts"};
  }
  for (const fs::path& place : places) {
    if (HoldsCharts(place)) return place;
  }
  std::string text;
  for (const fs::path& place : places) text += (text.empty() ? "" : " nor in ") + place.string();
  return NotFound("no chart strongroom in " + text + ", wanted its folder from --chart-folder");
}

Result<std::string> ChartValues(const Arguments& arguments, const std::string& resource_key) {
  ASSIGN_OR_RETURN(const int mesh, Port(arguments, "mesh-server-port", 2001));
  ASSIGN_OR_RETURN(const int client, Port(arguments, "client-server-port", 4433));
  ASSIGN_OR_RETURN(const bool secure, TrueOrFalse(arguments, "dcap-secure-cert", true));
  JsonWriter out;
  out.Object();
  WriteImage(arguments, out);
  out.Key("simulation").Object().Key("enabled").Bool(arguments.Has("simulation")).End();
  out.Key("webhook").Object().Key("enabled").Bool(!arguments.Has("disable-auto-injection")).End();
  out.Key("coordinator").Object().Key("hostnames").Array();
  for (const std::string& name : Names(arguments, "domain")) out.String(name);
  out.End();
  out.Key("meshService").Object().Key("port").Int(mesh).End();
  out.Key("clientService").Object().Key("port").Int(client).End().End();
  WriteTee(arguments, resource_key, out);
  out.Key("dcap").Object().Key("useSecureCert").Bool(secure);
  if (const auto url = arguments.Optional("dcap-pccs-url")) out.Key("pccsUrl").String(*url);
  out.End().End();
  return std::move(out).Finish();
}

}  // namespace strongroom::cli
