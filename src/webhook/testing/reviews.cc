#include "webhook/testing/reviews.h"

#include <random>

#include "base/encoding.h"
#include "webhook/judge.h"
#include "webhook/review.h"

namespace strongroom::webhook::testing {
namespace {

using nlohmann::json;

Outcome ReadOutcome(const std::string& text) {
  const json review = json::parse(text);
  const json& response = review.at("response");
  Outcome out{.allowed = response.at("allowed")};
  if (response.contains("status")) {
    out.message = response["status"]["message"];
    out.code = response["status"]["code"];
  }
  if (response.contains("patch")) {
    const Bytes patch = Base64Decode(response["patch"].get<std::string>()).value();
    out.patch = json::parse(AsText(patch));
  }
  if (response.contains("warnings")) out.warnings = response["warnings"];
  return out;
}

// Draws by chance, always the same for one seed.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  bool OneIn(unsigned n) { return random_() % n == 0; }
  std::size_t Below(std::size_t n) { return random_() % n; }
  template <std::size_t N>
  std::string Of(const char* const (&words)[N]) {
    return words[Below(N)];
  }

 private:
  std::mt19937_64 random_;
};

json RandomLabels(Dice& dice) {
  json labels = {{"app", "shop"}};
  if (dice.OneIn(2)) labels["strongroom.dev/marble"] = dice.Of({"server", "Server_2", "a.b"});
  else if (dice.OneIn(2)) labels["marblerun/marbletype"] = dice.Of({"frontend", "Back-End", "x"});
  if (dice.OneIn(2)) labels["strongroom.dev/tee"] = dice.Of({"sgx", "tdx", "snp", "sim", "sim"});
  if (dice.OneIn(2)) labels["strongroom.dev/mode"] = dice.Of({"launcher", "init", "sidecar"});
  if (dice.OneIn(3)) labels["strongroom.dev/container"] = dice.Of({"c0", "c1", "i0"});
  if (dice.OneIn(3)) labels["marblerun/marblecontainer"] = dice.Of({"c0", "c1", "i0"});
  if (dice.OneIn(4)) labels["marblerun/resource-injection"] = dice.Of({"disabled", "enabled"});
  if (dice.OneIn(4)) labels["strongroom.dev/epc"] = dice.Of({"64Mi", "1.5Gi", "1000000", "1e6"});
  return labels;
}

json RandomAnnotations(Dice& dice) {
  json annotations = json::object();
  if (dice.OneIn(5))
    annotations["strongroom.dev/quote-provider"] = dice.Of({"aesmd", "in-process", "none"});
  if (dice.OneIn(6)) annotations["strongroom.dev/gpus"] = dice.Of({"1", "2"});
  if (dice.OneIn(6)) annotations["strongroom.dev/runtime-class"] = "own-class";
  if (dice.OneIn(6)) annotations["strongroom.dev/launch-arguments"] = "--mount /models=/models";
  if (dice.OneIn(8)) annotations["strongroom.dev/containers"] = dice.Of({"c0,c1", "c0", "i0,c0"});
  if (dice.OneIn(8)) annotations["kubectl.kubernetes.io/default-container"] = "c0";
  return annotations;
}

json RandomContainer(Dice& dice, const std::string& name) {
  json out = {{"name", name}, {"image", "shop:1"}, {"futureField", {{"kept", true}}}};
  if (dice.OneIn(3)) out["command"] = {"/bin/serve", "--fast"};
  if (out.contains("command") && dice.OneIn(2)) out["args"] = {"a", "b"};
  if (dice.OneIn(2)) out["env"] = json::array({{{"name", "A"}, {"value", "1"}}});
  if (out.contains("env") && dice.OneIn(4))
    out["env"].push_back(
        {{"name", dice.Of({"EDG_MARBLE_TYPE", "EDG_MARBLE_UUID_FILE"})}, {"value", "own"}});
  if (dice.OneIn(2))
    out["volumeMounts"] = json::array({{{"name", "data"}, {"mountPath", "/data"}}});
  if (dice.OneIn(2)) out["resources"] = json::object();
  if (dice.OneIn(4)) out["resources"]["limits"] = {{"cpu", "1"}, {"sgx.intel.com/epc", "7Mi"}};
  if (dice.OneIn(4)) out["securityContext"] = {{"runAsNonRoot", true}};
  if (dice.OneIn(9)) out["env"] = nullptr;
  return out;
}

}  // namespace

Configuration FullConfiguration() {
  Configuration out = Configuration::For("coordinator-mesh-api.strongroom:2001");
  out.agent.image.image = "strongroom/agent:1";
  out.simulation.image.image = "strongroom/simtee:1";
  return out;
}

json MakePod(const json& labels) {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"name", "web-0"}, {"labels", labels}}},
          {"spec",
           {{"containers", json::array({{{"name", "main"},
                                         {"image", "shop:1"},
                                         {"command", {"/bin/serve"}},
                                         {"resources", json::object()}}})},
            {"restartPolicy", "Always"}}}};
}

json MakeReview(const json& pod) {
  return {{"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"request",
           {{"uid", "705ab4f5-6393-11e8-b7cc-42010a800002"},
            {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}},
            {"resource", {{"group", ""}, {"version", "v1"}, {"resource", "pods"}}},
            {"namespace", "shop"},
            {"operation", "CREATE"},
            {"object", pod},
            {"oldObject", nullptr},
            {"dryRun", false}}}};
}

Result<Outcome> RunMutate(const std::string& review, const Configuration& configuration) {
  ASSIGN_OR_RETURN(const Review parsed, Review::Parse(review));
  return ReadOutcome(WriteVerdict(parsed.uid(), Mutate(parsed, configuration)));
}

Result<Outcome> RunValidate(const std::string& review, const Configuration& configuration) {
  ASSIGN_OR_RETURN(const Review parsed, Review::Parse(review));
  return ReadOutcome(WriteVerdict(parsed.uid(), Validate(parsed, configuration)));
}

json RandomPod(std::uint64_t seed) {
  Dice dice(seed);
  json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "p"}}}};
  pod["metadata"]["labels"] = RandomLabels(dice);
  if (const json annotations = RandomAnnotations(dice); !annotations.empty())
    pod["metadata"]["annotations"] = annotations;
  json& spec = pod["spec"];
  spec["futureSpec"] = {1, 2, {{"x", nullptr}}};
  spec["containers"] = json::array();
  for (std::size_t i = 0, n = 1 + dice.Below(3); i < n; ++i)
    spec["containers"].push_back(RandomContainer(dice, "c" + std::to_string(i)));
  if (dice.OneIn(2)) {
    json init = RandomContainer(dice, "i0");
    if (dice.OneIn(2)) init["restartPolicy"] = "Always";
    spec["initContainers"] = json::array({init});
  }
  if (dice.OneIn(9)) spec["containers"].push_back(RandomContainer(dice, "aesmd"));
  if (dice.OneIn(2))
    spec["volumes"] = json::array({{{"name", "data"}, {"emptyDir", json::object()}}});
  if (dice.OneIn(3))
    spec["tolerations"] = json::array({{{"key", "other"}, {"operator", "Exists"}}});
  if (dice.OneIn(5)) spec["tolerations"] = json::array({{{"operator", "Exists"}}});
  if (dice.OneIn(5)) spec["runtimeClassName"] = "kata";
  if (dice.OneIn(5)) spec["nodeSelector"] = {{"zone", "a"}};
  return pod;
}

json LargePod() {
  json pod = MakePod({{"strongroom.dev/marble", "server"}, {"strongroom.dev/container", "main"}});
  const json probe = {{"httpGet", {{"path", "/ready"}, {"port", 8080}, {"scheme", "HTTPS"}}},
                      {"periodSeconds", 10},
                      {"failureThreshold", 3}};
  json containers = json::array();
  for (const char* name : {"main", "proxy", "logs"}) {
    json container = {{"name", name},
                      {"image", "registry.example/shop/image:1.2.3"},
                      {"command", {"/bin/serve", "--listen", ":8080"}},
                      {"livenessProbe", probe},
                      {"readinessProbe", probe},
                      {"startupProbe", probe},
                      {"resources", {{"requests", {{"cpu", "100m"}, {"memory", "128Mi"}}}}}};
    for (int i = 0; i < 72; ++i)
      container["env"].push_back({{"name", "SETTING_OF_THE_SHOP_" + std::to_string(i)},
                                  {"value", "a value of some length " + std::to_string(i)}});
    for (int i = 0; i < 8; ++i)
      container["volumeMounts"].push_back({{"name", "volume-" + std::to_string(i)},
                                           {"mountPath", "/var/lib/shop/" + std::to_string(i)}});
    containers.push_back(std::move(container));
  }
  pod["spec"]["containers"] = std::move(containers);
  for (int i = 0; i < 8; ++i)
    pod["spec"]["volumes"].push_back(
        {{"name", "volume-" + std::to_string(i)}, {"emptyDir", {{"sizeLimit", "1Gi"}}}});
  json fields;
  for (int i = 0; i < 40; ++i)
    fields["f:spec"]["f:field" + std::to_string(i)]["f:value"] = json::object();
  pod["metadata"]["managedFields"] =
      json::array({{{"manager", "controller"}, {"operation", "Update"}, {"fieldsV1", fields}}});
  return pod;
}

}  // namespace strongroom::webhook::testing
