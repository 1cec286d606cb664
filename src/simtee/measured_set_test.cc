#include "simtee/measured_set.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "simtee/launch.h"
#include "simtee/testing_bench.h"
#include "testing/result_matchers.h"

namespace strongroom::simtee {
namespace {

namespace fs = std::filesystem;
using strongroom::testing::Fails;
using testing::Bench;
using testing::FlipByte;
using testing::FlipHarmlessByte;

LaunchDescription DescriptionOf(const Bench& bench) {
  LaunchDescription description;
  description.program = bench.probe();
  description.argv = {"probe", "echo", "one"};
  description.env = {{"MODE", "a"}};
  description.host_env = {"ADDRESS"};
  description.plugins = {bench.plugin()};
  description.files = {{.path = "/etc/strongroom/c.json", .source = bench.configuration()}};
  description.mounts = {{.path = "/data", .writable = false}};
  return description;
}

Result<attest::MrEnclave> MeasurementOf(const LaunchDescription& description) {
  ASSIGN_OR_RETURN(const MeasuredSet files, FreezeMeasuredSet(description));
  return Measure(MeasurementRecord(description, files));
}

TEST(Measurement, IsTheSameTwice) {
  const Bench bench;
  ASSERT_OK_AND_ASSIGN(const auto first, MeasurementOf(DescriptionOf(bench)));
  ASSERT_OK_AND_ASSIGN(const auto second, MeasurementOf(DescriptionOf(bench)));
  EXPECT_EQ(first, second);
}

TEST(Measurement, ChangesWithOneByteOfAnythingThatSteersTheCode) {
  struct Row {
    const char* name;
    void (*change)(const Bench& bench);
  };
  const Row rows[] = {
      {"program", [](const Bench& b) { FlipHarmlessByte(b.probe()); }},
      {"library", [](const Bench& b) { FlipHarmlessByte(b.library()); }},
      {"plugin", [](const Bench& b) { FlipHarmlessByte(b.plugin()); }},
      {"configuration", [](const Bench& b) { FlipByte(b.configuration(), -2); }},
      {"last byte of the program", [](const Bench& b) { FlipByte(b.probe(), -1); }},
      {"a byte more", [](const Bench& b) { std::ofstream(b.plugin(), std::ios::app) << "x"; }},
  };
  for (const Row& row : rows) {
    const Bench bench;
    ASSERT_OK_AND_ASSIGN(const auto before, MeasurementOf(DescriptionOf(bench)));
    row.change(bench);
    ASSERT_OK_AND_ASSIGN(const auto after, MeasurementOf(DescriptionOf(bench)));
    EXPECT_NE(before, after) << row.name;
  }
}

TEST(Measurement, ChangesWithEveryPartOfTheDescription) {
  struct Row {
    const char* name;
    void (*change)(LaunchDescription& description);
  };
  const Row rows[] = {
      {"one word of argv", [](LaunchDescription& d) { d.argv[2] = "two"; }},
      {"one word more", [](LaunchDescription& d) { d.argv.emplace_back(""); }},
      {"words joined", [](LaunchDescription& d) { d.argv = {"probe", "echo one"}; }},
      {"argv[0]", [](LaunchDescription& d) { d.argv[0] = "Probe"; }},
      {"a variable's value", [](LaunchDescription& d) { d.env["MODE"] = "b"; }},
      {"a variable more", [](LaunchDescription& d) { d.env["MORE"] = ""; }},
      {"no variable", [](LaunchDescription& d) { d.env.clear(); }},
      {"a name that the host gives", [](LaunchDescription& d) { d.host_env = {"OTHER"}; }},
      {"no plugin", [](LaunchDescription& d) { d.plugins.clear(); }},
      {"a path of a file",
       [](LaunchDescription& d) { d.files[0].path = "/etc/strongroom/d.json"; }},
      {"a program more", [](LaunchDescription& d) { d.programs = {"/bin/true"}; }},
      {"a mount's place", [](LaunchDescription& d) { d.mounts[0].path = "/other"; }},
      {"a mount's access", [](LaunchDescription& d) { d.mounts[0].writable = true; }},
      {"no mount", [](LaunchDescription& d) { d.mounts.clear(); }},
      {"working directory", [](LaunchDescription& d) { d.working_directory = "/data"; }},
  };
  const Bench bench;
  ASSERT_OK_AND_ASSIGN(const auto before, MeasurementOf(DescriptionOf(bench)));
  for (const Row& row : rows) {
    LaunchDescription description = DescriptionOf(bench);
    row.change(description);
    ASSERT_OK_AND_ASSIGN(const auto after, MeasurementOf(description));
    EXPECT_NE(before, after) << row.name;
  }
}

TEST(Measurement, LeavesToSgxWhatSgxReportsBesideIt) {
  const Bench bench;
  LaunchDescription description = DescriptionOf(bench);
  ASSERT_OK_AND_ASSIGN(const auto before, MeasurementOf(description));
  description.product_id = 1;
  description.security_version = 2;
  description.debug = true;
  ASSERT_OK_AND_ASSIGN(const auto after, MeasurementOf(description));
  EXPECT_EQ(before, after);
}

TEST(Measurement, DoesNotDependOnWhereAConfigurationFileLiesOnTheHost) {
  const Bench bench;
  LaunchDescription description = DescriptionOf(bench);
  ASSERT_OK_AND_ASSIGN(const auto before, MeasurementOf(description));
  fs::copy_file(bench.configuration(), bench.folder() / "copy.json");
  description.files[0].source = (bench.folder() / "copy.json").string();
  ASSERT_OK_AND_ASSIGN(const auto after, MeasurementOf(description));
  EXPECT_EQ(before, after);
}

TEST(MeasuredSet, HoldsTheClosureOfProgramsAndPlugins) {
  const Bench bench;
  ASSERT_OK_AND_ASSIGN(const MeasuredSet set, FreezeMeasuredSet(DescriptionOf(bench)));
  const auto role = [&](const std::string& path) {
    const auto it = set.find(path);
    return it == set.end() ? std::string("absent") : std::string(FileRoleName(it->second.role));
  };
  EXPECT_EQ(role(bench.probe()), "program");
  EXPECT_EQ(role("/lib64/ld-linux-x86-64.so.2"), "interpreter");
  EXPECT_EQ(role(bench.library()), "library") << "found by DT_RUNPATH $ORIGIN";
  EXPECT_EQ(role("/lib/x86_64-linux-gnu/libc.so.6"), "library");
  EXPECT_EQ(role(bench.plugin()), "plugin");
  EXPECT_EQ(role("/etc/strongroom/c.json"), "file");
}

TEST(MeasuredSet, NamesWhatIsMissing) {
  const Bench bench;
  LaunchDescription description = DescriptionOf(bench);
  description.files[0].source = "/no/such/file";
  EXPECT_THAT(FreezeMeasuredSet(description), Fails(Code::kNotFound, "/no/such/file"));
  description = DescriptionOf(bench);
  description.plugins = {"/no/such/plugin.so"};
  EXPECT_THAT(FreezeMeasuredSet(description), Fails(Code::kNotFound, "plugin: /no/such/plugin.so"));
  description = DescriptionOf(bench);
  description.files.push_back({.path = bench.probe(), .source = bench.configuration()});
  EXPECT_THAT(FreezeMeasuredSet(description),
              Fails(Code::kMalformed, "which is a program already"));
  fs::remove(bench.library());
  EXPECT_THAT(FreezeMeasuredSet(DescriptionOf(bench)),
              Fails(Code::kNotFound,
                    "library libstrongroom-probe-library.so that " + bench.probe() + " needs"));
}

TEST(FrozenFile, CannotBeChangedAnyMore) {
  const Bench bench;
  ASSERT_OK_AND_ASSIGN(const FrozenFile frozen, FrozenFile::Freeze(bench.configuration()));
  ASSERT_OK_AND_ASSIGN(const Mapping mapping, frozen.Map());
  const std::string before = ToText(mapping.bytes());
  FlipByte(bench.configuration(), 0);
  EXPECT_EQ(ToText(mapping.bytes()), before);
  EXPECT_EQ(frozen.sha256(), crypto::Sha256(AsBytes(before)));
}

TEST(FrozenFile, IsMadeOfRegularFilesOnly) {
  EXPECT_THAT(FrozenFile::Freeze("/dev/zero"),
              Fails(Code::kMalformed, "/dev/zero is no regular file"));
  EXPECT_THAT(FrozenFile::Freeze("/tmp"), Fails(Code::kMalformed, "/tmp is no regular file"));
  EXPECT_THAT(FrozenFile::Freeze("/no/such"), Fails(Code::kNotFound, "/no/such"));
}

}  // namespace
}  // namespace strongroom::simtee
