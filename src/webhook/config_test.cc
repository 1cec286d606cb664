#include "webhook/config.h"

#include <nlohmann/json.hpp>

#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::webhook {
namespace {

using nlohmann::json;
using strongroom::testing::Fails;

json Least() {
  return {{"format", "strongroom-webhook/1"}, {"coordinator_address", "coordinator:2001"}};
}

Result<Configuration> ParseWith(const char* pointer, const json& value) {
  json document = Least();
  document[json::json_pointer(pointer)] = value;
  return Configuration::Parse(document.dump());
}

TEST(Configuration, AddressAloneGivesTheDefaults) {
  ASSERT_OK_AND_ASSIGN(const Configuration config, Configuration::Parse(Least().dump()));
  EXPECT_EQ(config.coordinator_address, "coordinator:2001");
  EXPECT_EQ(config.cluster_domain, "cluster.local");
  EXPECT_EQ(config.resource_key, "sgx.intel.com/epc");
  EXPECT_EQ(config.plugin().enclave, "sgx.intel.com/enclave");
  EXPECT_EQ(config.default_tee, Tee::kSgx);
  EXPECT_EQ(config.tees.at(Tee::kTdx).runtime_class, "kata-qemu-tdx");
  EXPECT_TRUE(config.agent.image.image.empty());
  EXPECT_TRUE(config.simulation.image.image.empty());
}

constexpr std::string_view kWhole = R"({
    "format": "strongroom-webhook/1", "coordinator_address": "c:1", "cluster_domain": "d",
    "resource_key": "example.com/epc", "sgx_plugins": {"example.com/epc":
      {"enclave": "example.com/enclave", "provision": "example.com/provision", "unit": "bytes"}},
    "epc": "32Mi", "default_tee": "snp", "default_mode": "init", "quote_provider": "aesmd",
    "gpu_resource": "nvidia.com/pgpu",
    "tees": {"snp": {"runtime_class": "r", "gpu_runtime_class": "g", "node_selector": {"a": "b"},
                     "launcher": ["l"]}},
    "agent": {"image": "a:1", "image_pull_policy": "Never", "copy": ["cp"], "config": "/c.json",
              "init": ["i"], "sidecar": ["s"], "ready": ["r"], "files_folder": "/f"},
    "simulation": {"image": "s:1", "image_pull_policy": "Always", "copy": ["cp"], "launch": "/l",
                   "launch_agent": "/la", "agent_config": "/ac", "run": ["simtee", "{launch}"]},
    "injected_resources": {"requests": {"cpu": "1m"}, "limits": {"memory": "1Mi"}}})";

TEST(Configuration, EveryMemberIsRead) {
  ASSERT_OK_AND_ASSIGN(const Configuration config, Configuration::Parse(kWhole));
  EXPECT_EQ(config.plugin().provision, "example.com/provision");
  EXPECT_FALSE(config.plugin().counts_mib);
  EXPECT_EQ(config.default_mode, Mode::kInit);
  EXPECT_EQ(config.quote_provider, QuoteProvider::kAesmd);
  EXPECT_EQ(config.tees.at(Tee::kSnp).launcher, std::vector<std::string>{"l"});
  EXPECT_EQ(config.tees.at(Tee::kSnp).node_selector.at("a"), "b");
  EXPECT_EQ(config.agent.image.pull_policy, "Never");
  EXPECT_EQ(config.agent.files_folder, "/f");
  EXPECT_EQ(config.simulation.run.back(), "{launch}");
  EXPECT_EQ(config.simulation.agent_config, "/ac");
  EXPECT_EQ(config.injected_limits.at("memory"), "1Mi");
}

TEST(Configuration, AKeyThatNobodyDescribedCountsMebibytes) {
  ASSERT_OK_AND_ASSIGN(const Configuration config, ParseWith("/resource_key", "example.com/sgx"));
  EXPECT_TRUE(config.plugin().counts_mib);
  EXPECT_TRUE(config.plugin().enclave.empty());
}

TEST(Configuration, RefusesWhatMeansNothing) {
  const struct {
    const char* name;
    const char* pointer;
    json value;
    const char* message;
  } rows[] = {
      {"another format", "/format", "strongroom-webhook/2", "wanted \"strongroom-webhook/1\""},
      {"no address", "/coordinator_address", "", "is empty"},
      {"an unknown member", "/colour", "red", "colour is not known"},
      {"an unknown inner member", "/agent/colour", "red", "agent.colour is not known"},
      {"a number for a text", "/cluster_domain", 3, "wanted a string"},
      {"a text for an object", "/tees", "sgx", "tees is no object"},
      {"an unknown TEE", "/default_tee", "sev", "wanted one of sgx, tdx, snp, sim"},
      {"an unknown TEE's settings", "/tees/sev", json::object(), "wanted one of"},
      {"an unknown mode", "/default_mode", "sideways", "wanted one of launcher, init, sidecar"},
      {"an unknown provider", "/quote_provider", "me", "wanted one of in-process, aesmd, none"},
      {"a key without a domain", "/resource_key", "epc", "wanted DOMAIN/NAME"},
      {"an unknown unit", "/sgx_plugins", {{"a/b", {{"unit", "MB"}}}}, "wanted bytes or MiB"},
      {"no size", "/epc", "much", "wanted a quantity"},
      {"nothing as a size", "/epc", "0", "wanted more than nothing"},
      {"a relative path", "/agent/config", "agent.json", "wanted an absolute path"},
      {"a command without a program", "/simulation/run", json::array(), "names no program"},
      {"a word that is none", "/agent/init", json::array({1}), "wanted a string"},
      {"an empty image", "/simulation/image", "", "is empty"},
      {"a control character", "/cluster_domain", "a\nb", "control character"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(ParseWith(row.pointer, row.value), Fails(Code::kMalformed, row.message));
  }
  EXPECT_THAT(Configuration::Parse("[]"), Fails(Code::kMalformed, "no object"));
  EXPECT_THAT(Configuration::Parse(R"({"format":"strongroom-webhook/1"})"),
              Fails(Code::kMalformed, "coordinator_address is missing"));
}

// What pods get of it, in one line.
std::string Told(const Configuration& config) {
  const json out = {
      {"coordinator", config.coordinator_address},
      {"domain", config.cluster_domain},
      {"key",
       {config.resource_key, config.plugin().enclave, config.plugin().provision,
        config.plugin().counts_mib}},
      {"epc", config.epc},
      {"tee", config.default_tee},
      {"mode", config.default_mode},
      {"quotes", config.quote_provider},
      {"gpu", config.gpu_resource},
      {"snp",
       {config.tees.at(Tee::kSnp).runtime_class, config.tees.at(Tee::kSnp).gpu_runtime_class}},
      {"snp nodes", config.tees.at(Tee::kSnp).node_selector},
      {"snp launcher", config.tees.at(Tee::kSnp).launcher},
      {"agent", {config.agent.image.image, config.agent.image.pull_policy, config.agent.config}},
      {"agent files", config.agent.files_folder},
      {"agent commands",
       {config.agent.image.copy, config.agent.init, config.agent.sidecar, config.agent.ready}},
      {"simulation", {config.simulation.image.image, config.simulation.image.pull_policy}},
      {"simulation files",
       {config.simulation.launch, config.simulation.launch_agent, config.simulation.agent_config}},
      {"simulation commands", {config.simulation.image.copy, config.simulation.run}},
      {"requests", config.injected_requests},
      {"limits", config.injected_limits}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

TEST(Configuration, CutAnywhereIsRefused) {
  strongroom::testing::ForEachTruncation(AsBytes(kWhole), [](ByteView cut, std::size_t size) {
    EXPECT_THAT(Configuration::Parse(AsText(cut)), Fails(Code::kMalformed, "")) << size;
  });
}

// Names of members are known or refused, so a flipped byte can change a value and nothing else: of
// the members that pods are made from, at most the one that it is in.
TEST(Configuration, AFlippedByteIsRefusedOrChangesOneMember) {
  const json good = json::parse(Told(Configuration::Parse(kWhole).value()));
  strongroom::testing::ForEachFlip(AsBytes(kWhole), [&](ByteView flipped, std::size_t offset) {
    const auto config = Configuration::Parse(AsText(flipped));
    if (!config.has_value()) {
      EXPECT_THAT(config.error().code(), ::testing::AnyOf(Code::kMalformed, Code::kExhausted));
      return;
    }
    const json told = json::parse(Told(*config));
    std::size_t other = 0;
    for (const auto& [name, value] : good.items()) other += told.at(name) == value ? 0U : 1U;
    EXPECT_LE(other, 1U) << offset << ": " << told.dump();
  });
}

}  // namespace
}  // namespace strongroom::webhook
