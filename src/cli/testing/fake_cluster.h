#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "testing/process.h"

// A cluster for the built program: a kubectl and a helm on its PATH that write down how they are
// called and say what the real ones say, and the objects that they speak of.
namespace strongroom::cli::testing {

// What a program says to the words that fit the pattern.
struct Answer {
  std::string program;  // kubectl or helm
  std::string pattern;  // of sh's case
  std::string out = "";
  std::string err = "";
  std::string status = "0";  // or "stays": says `out` and does not end before it is stopped
  bool once = false;
};

// An object of release "strongroom" with the labels of this part.
nlohmann::json Labelled(const std::string& kind, const std::string& name, const std::string& part);
// strongroom-<part> in simulation, which wants one pod and has `available`.
nlohmann::json DeploymentOf(const std::string& part, int available);

// A list as kubectl writes it with -o json.
std::string ListOf(const std::vector<nlohmann::json>& items);
// The list of an installation whose pods are all available, or none of them yet.
std::string Up();
std::string Coming();

// The webhook of `name_space` as the API server knows it, without caBundle when `authority` is
// empty, with these other members of its entry.
std::string Registration(const std::string& name_space, const std::string& authority,
                         const nlohmann::json& members = nlohmann::json::object());

// The program in a folder of its own, with charts in "charts" and an empty configuration.
class InstallTest : public ::testing::Test {
 protected:
  void SetUp() override;

  // Of a name in the folder.
  std::string Path(std::string_view name) const { return (folder_.path() / name).string(); }

  // Of the answers that fit, the one that was said first is given; words that none fits end the
  // program with status 99.
  void Say(const Answer& answer);
  // A cluster that has the namespace, installs, and has `lists` one after the other, the last for
  // ever.
  void SayCluster(const std::vector<std::string>& lists);

  // Runs strongroom with these arguments to its end.
  strongroom::testing::ProcessResult Run(std::vector<std::string> arguments,
                                         std::function<void(pid_t)> while_running = {}) const;
  // Stops it by SIGTERM while a program of its does not end.
  strongroom::testing::ProcessResult Stop(const std::vector<std::string>& arguments) const;

  // The calls so far, a line each.
  std::string Log() const;
  // The values that helm was given; null: none.
  nlohmann::json Values() const;

 private:
  void PutProgram(const std::string& name) const;
  void PutCharts(const std::string& name) const;

  TemporaryFolder folder_ = TemporaryFolder::Make("strongroom-install").value();
  int answers_ = 0;
};

}  // namespace strongroom::cli::testing
