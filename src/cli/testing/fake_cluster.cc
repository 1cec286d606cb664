#include "cli/testing/fake_cluster.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "testing/result_matchers.h"

namespace strongroom::cli::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using strongroom::testing::ProcessResult;
using strongroom::testing::ProgramPath;
using strongroom::testing::RunProcess;

// Says the first answer whose pattern fits the words; each answer is a folder with pattern, out,
// err and status. An answer with a file "once" is taken away after its use. Keeps the files that it
// is given by -f.
constexpr std::string_view kFake = R"(#!/bin/sh
name=${0##*/}
echo "$name $*" >>"$FAKE/log"
for answer in "$FAKE/$name".*; do
  [ -d "$answer" ] || continue
  pattern=$(cat "$answer/pattern")
  case "$*" in $pattern) ;; *) continue ;; esac
  while [ "$#" -gt 0 ]; do
    [ "$1" != -f ] || cp "$2" "$FAKE"
    [ "$1" != --values ] || { cat "$2" >>"$FAKE/values"; echo >>"$FAKE/values"; }
    shift
  done
  status=$(cat "$answer/status")
  if [ "$status" = stays ]; then
    sleep 60 >/dev/null 2>&1 &
    trap 'kill $!; echo "$name ended" >>"$FAKE/log"; exit 143' TERM
    echo "$name stays" >>"$FAKE/log"
    cat "$answer/out"
    wait
  fi
  cat "$answer/out"
  cat "$answer/err" >&2
  [ ! -e "$answer/once" ] || rm -r "$answer"
  exit "$status"
done
echo "$name: unexpected: $*" >&2
exit 99
)";

// What the API server makes of a marble when it asks the webhook.
constexpr std::string_view kInjected =
    R"({"spec":{"containers":[{"env":[{"name":"EDG_MARBLE_TYPE","value":"check"}]}]}})";

json ServiceOf(const std::string& name, const std::string& part) {
  return Labelled("Service", name, part);
}

std::string With(int available) {
  return ListOf({DeploymentOf("coordinator", available), DeploymentOf("webhook", available),
                 ServiceOf("coordinator-client-api", "coordinator"),
                 ServiceOf("coordinator-mesh-api", "coordinator"),
                 ServiceOf("strongroom-webhook", "webhook")});
}

}  // namespace

json Labelled(const std::string& kind, const std::string& name, const std::string& part) {
  return {{"kind", kind},
          {"metadata",
           {{"name", name},
            {"generation", 1},
            {"labels",
             {{"app.kubernetes.io/name", part},
              {"app.kubernetes.io/instance", "strongroom"},
              {"app.kubernetes.io/part-of", "strongroom"}}}}}};
}

json DeploymentOf(const std::string& part, int available) {
  json item = Labelled("Deployment", "strongroom-" + part, part);
  item["spec"] = {{"replicas", 1},
                  {"template", {{"metadata", {{"labels", {{"strongroom.dev/tee", "sim"}}}}}}}};
  item["status"] = {{"observedGeneration", 1},
                    {"replicas", 1},
                    {"updatedReplicas", 1},
                    {"availableReplicas", available}};
  return item;
}

std::string ListOf(const std::vector<json>& items) { return json{{"items", items}}.dump(); }

std::string Up() { return With(1); }

std::string Coming() { return With(0); }

std::string Registration(const std::string& name_space, const std::string& authority,
                         const json& members) {
  json client = {{"service", {{"name", "strongroom-webhook"}, {"namespace", name_space}}}};
  if (!authority.empty()) client["caBundle"] = authority;
  json webhook = {{"clientConfig", client}};
  webhook.update(members);
  const json item = {{"metadata", {{"name", "strongroom-webhook-" + name_space}}},
                     {"webhooks", json::array({webhook})}};
  return ListOf(std::vector<json>{item});
}

void InstallTest::SetUp() {
  fs::create_directories(Path("bin"));
  for (const auto* name : {"kubectl", "helm"}) PutProgram(std::string("bin/") + name);
  PutCharts("charts");
}

void InstallTest::PutProgram(const std::string& name) const {
  ASSERT_OK(WriteFileAtomic(Path(name), AsBytes(kFake), 0755));
}

void InstallTest::PutCharts(const std::string& name) const {
  fs::create_directories(fs::path(Path(name)) / "strongroom");
  ASSERT_OK(
      WriteFileAtomic(Path(name + "/strongroom/Chart.yaml"), AsBytes("name: strongroom\n"), 0644));
}

void InstallTest::Say(const Answer& answer) {
  const fs::path folder = Path(fmt::format("{}.{:02}", answer.program, ++answers_));
  fs::create_directories(folder);
  for (const auto& [name, text] : {std::pair{"pattern", answer.pattern},
                                   {"out", answer.out},
                                   {"err", answer.err},
                                   {"status", answer.status}}) {
    ASSERT_OK(WriteFileAtomic(folder / name, AsBytes(text), 0644));
  }
  if (answer.once) {
    ASSERT_OK(WriteFileAtomic(folder / "once", AsBytes(""), 0644));
  }
}

void InstallTest::SayCluster(const std::vector<std::string>& lists) {
  Say({"kubectl", "*get namespace*", "namespace/strongroom\n"});
  Say({"helm", "status*", "", "Error: release: not found\n", "1"});
  Say({"helm", "upgrade --install*", "Release \"strongroom\" has been installed\n"});
  for (std::size_t i = 0; i < lists.size(); ++i)
    Say({"kubectl", "*get deployments,*", lists[i], "", "0", i + 1 < lists.size()});
  Say({"kubectl", "*get mutatingwebhookconfigurations *", Registration("strongroom", "QUFB")});
  Say({"kubectl", "*--namespace default create --dry-run=server -o json *",
       std::string(kInjected)});
}

ProcessResult InstallTest::Run(std::vector<std::string> arguments,
                               std::function<void(pid_t)> while_running) const {
  arguments.insert(arguments.begin(), fs::absolute(ProgramPath("strongroom")));
  return RunProcess(arguments, {.environment = {"PATH=" + Path("bin") + ":/usr/bin:/bin",
                                                "FAKE=" + folder_.path().string(),
                                                "XDG_CONFIG_HOME=" + Path("config")},
                                .folder = folder_.path(),
                                .while_running = std::move(while_running)});
}

ProcessResult InstallTest::Stop(const std::vector<std::string>& arguments) const {
  return Run(arguments, [this](pid_t pid) {
    for (int i = 0; i < 20'000 && !Log().contains(" stays\n"); ++i) usleep(1000);
    kill(pid, SIGTERM);
  });
}

std::string InstallTest::Log() const { return ReadTextFile(Path("log"), 1 << 20).value_or(""); }

json InstallTest::Values() const {
  return json::parse(ReadTextFile(Path("values"), 1 << 20).value_or("null"));
}

}  // namespace strongroom::cli::testing
