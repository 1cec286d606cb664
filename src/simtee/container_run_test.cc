// strongroom-simtee run --root container, in surroundings like those of a restricted pod.
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "attest/verifier.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "sim/collateral.h"
#include "sim/well_known.h"
#include "simtee/launch_description.h"
#include "simtee/measured_set.h"
#include "simtee/testing_bench.h"
#include "simtee/testing_container.h"
#include "testing/result_matchers.h"

namespace strongroom::simtee {
namespace {

namespace fs = std::filesystem;
using testing::Bench;
using testing::Container;
using ::testing::HasSubstr;
using testing::Outcome;
using testing::Process;
using testing::StartIn;

std::vector<std::string> Command(const std::vector<std::string>& flags,
                                 const std::vector<std::string>& command) {
  std::vector<std::string> argv = {Bench::simtee(), "run", "--root", "container",
                                   "--well-known-world"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  argv.emplace_back("--");
  argv.insert(argv.end(), command.begin(), command.end());
  return argv;
}

Outcome Start(const std::vector<std::string>& flags, const std::vector<std::string>& command,
              const Container& container = {}, const std::vector<std::string>& environment = {}) {
  return StartIn(container, Command(flags, command), environment).Wait();
}

Result<attest::VerifiedClaims> Verify(const std::string& hex) {
  ASSIGN_OR_RETURN(const sim::World world, sim::WellKnownWorld());
  ASSIGN_OR_RETURN(const Bytes quote, HexDecode(hex.substr(0, hex.find('\n'))));
  ASSIGN_OR_RETURN(const sim::Platform* platform, world.FindPlatform(sim::kDefaultPlatform));
  const UnixSeconds now = SystemClock().Now();
  ASSIGN_OR_RETURN(const auto endorsements, sim::Collateral(world, {}).For(*platform, now));
  return attest::VerifySgxEvidence(quote, endorsements, attest::TrustAnchors().Add(world.anchor()),
                                   now, {})
      .ToResult();
}

// A folder of the bench that exists before it is mounted over.
std::string FolderOf(const Bench& bench, const std::string& name) {
  const std::string folder = (bench.folder() / name).string();
  fs::create_directories(folder);
  return folder;
}

TEST(ContainerRun, GivesTheEvidenceThatARootOfItsOwnWouldGive) {
  const Bench bench;
  const std::string launch =
      bench.Describe(R"("argv":["probe","quote"],"product_id":9,"security_version":4)");
  const Outcome outcome = StartIn({}, {Bench::simtee(), "run", "--root", "container",
                                       "--well-known-world", "--launch", launch})
                              .Wait();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  ASSERT_OK_AND_ASSIGN(const auto claims, Verify(outcome.out));
  EXPECT_EQ(HexEncode(claims.mrenclave().view()), bench.MeasurementOf(launch));
  EXPECT_EQ(claims.isv_prod_id(), 9);
  EXPECT_EQ(claims.isv_svn(), 4);
}

TEST(ContainerRun, IsNeverChosenByItself) {
  const Bench bench;
  // Without capabilities and with every namespace but the own root's refused, --root own fails.
  const Outcome outcome =
      StartIn({}, {Bench::simtee(), "run", "--well-known-world", "--state",
                   (bench.folder() / "state").string(), "--", bench.probe(), "exit", "0"})
          .Wait();
  EXPECT_EQ(outcome.exit_code, 125);
}

TEST(ContainerRun, RefusesWhereTheProcessHasCapabilities) {
  const Bench bench;
  const Outcome outcome = Start({}, {bench.probe(), "exit", "0"}, {.no_capabilities = false});
  EXPECT_EQ(outcome.exit_code, 125);
  EXPECT_THAT(outcome.err, HasSubstr("has capabilities"));
}

TEST(ContainerRun, RefusesMeasuredFilesThatCanBeWritten) {
  const Bench bench;
  const Outcome outcome = Start({}, {bench.probe(), "exit", "0"}, {.read_only = false});
  EXPECT_EQ(outcome.exit_code, 125);
  EXPECT_THAT(outcome.err, HasSubstr("lies on a mount that can be written"));
}

TEST(ContainerRun, RefusesAWayToAMeasuredFileThroughALinkThatCanBeChanged) {
  const Bench bench;
  const std::string folder = FolderOf(bench, "links");
  const Container container{.writable = {folder},
                            .links = {folder + "/c=" + bench.configuration()}};
  const Outcome outcome = Start({"--file", folder + "/c"}, {bench.probe(), "exit", "0"}, container);
  EXPECT_EQ(outcome.exit_code, 125);
  EXPECT_THAT(outcome.err, HasSubstr(folder + "/c: \"links\" on the way there lies on a mount"));
}

TEST(ContainerRun, RefusesFilesFromElsewhere) {
  const Bench bench;
  const std::string folder = FolderOf(bench, "data");
  const std::string launch = bench.Describe(R"("mounts":[{"path":"/var"}])");
  EXPECT_THAT(
      Start({"--file", "/etc/c.json=" + bench.configuration()}, {bench.probe(), "exit", "0"}).err,
      HasSubstr("/etc/c.json comes from " + bench.configuration()));
  EXPECT_THAT(
      Start({"--launch", launch, "--mount", "/var=" + folder}, {bench.probe(), "exit", "0"}).err,
      HasSubstr("in a container's root mounts are made by its runtime"));
  EXPECT_THAT(Start({"--gramine-files"}, {bench.probe(), "exit", "0"}).err,
              HasSubstr("Gramine's files take a mount"));
}

TEST(ContainerRun, ChecksThatMountsAreAsDescribed) {
  const Bench bench;
  const std::string folder = FolderOf(bench, "data");
  const Container writable{.writable = {folder}};
  const std::vector<std::string> command = {bench.probe(), "exit", "0"};
  const Outcome as_described = Start({"--mount-writable", folder}, command, writable);
  EXPECT_EQ(as_described.exit_code, 0) << as_described.err;
  EXPECT_THAT(as_described.err, HasSubstr("it is not noexec")) << "what is weaker is said";
  EXPECT_EQ(Start({"--mount", folder}, command).exit_code, 0);
  EXPECT_THAT(Start({"--mount", folder}, command, writable).err,
              HasSubstr("can be written, described as read-only"));
  EXPECT_THAT(Start({"--mount-writable", folder}, command).err,
              HasSubstr("is read-only, described as writable"));
  EXPECT_THAT(Start({"--mount", folder + "/absent"}, command).err,
              HasSubstr("wanted for the mount"));
  EXPECT_THAT(Start({"--mount", bench.folder().string()}, command).err,
              HasSubstr("would hide the measured"));
}

TEST(ContainerRun, RefusesVariantsOfLibrariesWhereverTheLoaderLooks) {
  for (const char* folder : {"absent", "."}) {
    const Bench bench;
    const fs::path variant = bench.folder() / folder / "glibc-hwcaps/x86-64-v2";
    fs::create_directories(variant);
    fs::copy_file(bench.library(), variant / fs::path(bench.library()).filename());
    const Outcome outcome = Start({}, {bench.probe(), "exit", "0"});
    EXPECT_EQ(outcome.exit_code, 125) << folder;
    EXPECT_THAT(outcome.err, HasSubstr("is a variant of a measured library")) << folder;
  }
}

TEST(ContainerRun, StartsMeasuredProgramsAndNoOther) {
  const Bench bench;
  const std::string folder = FolderOf(bench, "data");
  const std::string other = (bench.folder() / "other-probe").string();
  fs::copy_file(bench.probe(), other);
  const std::vector<std::string> command = {bench.probe(), "execute", other, "echo", "hello"};
  EXPECT_EQ(Start({"--program", other}, command).out, "hello\n");
  const Outcome unmeasured = Start({}, command);
  if (unmeasured.err.contains("no Landlock"))
    GTEST_SKIP() << "skipped: this kernel has no Landlock, so unmeasured programs are not refused";
  EXPECT_THAT(unmeasured.err, HasSubstr("Permission denied"));
  const Outcome copied = Start({"--mount-writable", folder},
                               {bench.probe(), "copy-and-execute", bench.probe(), folder + "/copy"},
                               {.writable = {folder}});
  EXPECT_THAT(copied.err, HasSubstr("Permission denied"));
}

TEST(ContainerRun, GivesOnlyTheDescribedEnvironmentAndTheSocket) {
  const Bench bench;
  const std::string launch = bench.Describe(
      R"("argv":["p","environment"],"env":{"FIXED":"yes"},"host_env":["ADDRESS","ABSENT"])");
  const Outcome outcome = StartIn({},
                                  {Bench::simtee(), "run", "--root", "container",
                                   "--well-known-world", "--launch", launch},
                                  {"ADDRESS=10.0.0.1:2001", "SECRET=host", "FIXED=no"})
                              .Wait();
  EXPECT_EQ(outcome.out, "FIXED=yes\nADDRESS=10.0.0.1:2001\nSTRONGROOM_ATTESTATION_FD=3\n")
      << outcome.err;
}

TEST(ContainerRun, ReturnsTheWorkloadsExitCode) {
  const Bench bench;
  EXPECT_EQ(Start({}, {bench.probe(), "exit", "42"}).exit_code, 42);
  EXPECT_EQ(Start({}, {bench.probe(), "abort"}).exit_code, 128 + SIGABRT);
  EXPECT_EQ(Start({}, {"/no/such/program"}).exit_code, 125);
}

TEST(ContainerRun, ForwardsSignalsAndTakesTheWorkloadWithIt) {
  const Bench bench;
  Process asked = StartIn({}, Command({}, {bench.probe(), "await-termination"}));
  ASSERT_THAT(asked.ReadLine(), ::testing::StartsWith("ready"));
  ASSERT_EQ(kill(asked.pid(), SIGTERM), 0);
  EXPECT_EQ(asked.Wait().exit_code, 40);

  Process killed = StartIn({}, Command({}, {bench.probe(), "await-termination"}));
  ASSERT_THAT(killed.ReadLine(), ::testing::StartsWith("ready"));
  ASSERT_EQ(kill(killed.pid(), SIGKILL), 0);
  EXPECT_EQ(killed.ReadLine(), "") << "the workload's end is the end of the pipe";
  EXPECT_EQ(killed.Wait().exit_code, 128 + SIGKILL);
}

TEST(ContainerRun, KeepsItsOwnMemoryOutOfTheWorkloadsReach) {
  const Bench bench;
  EXPECT_EQ(Start({}, {bench.probe(), "search-memory", "parent", "any", "thing"}).out, "denied\n");
  EXPECT_EQ(Start({}, {bench.probe(), "search-memory", "self", "any", "thing"}).out, "found\n");
}

TEST(ContainerRun, GivesASignedWorkloadTheSameSealingKeyAfterARestart) {
  const Bench bench;
  const std::string launch = bench.Describe(R"("argv":["probe","seal","signer"],"product_id":1)");
  const std::string other =
      bench.Describe(R"("argv":["probe","seal","signer"],"product_id":2)", "other.json");
  for (const std::string& file : {launch, other}) {
    const Outcome signing = testing::Run({Bench::simtee(), "sign", "--well-known-signer",
                                          "--well-known-world", "--date", "1735689600", file});
    ASSERT_EQ(signing.exit_code, 0) << signing.err;
  }
  const auto seal = [](const std::string& file) {
    return StartIn({}, {Bench::simtee(), "run", "--root", "container", "--well-known-world",
                        "--launch", file})
        .Wait()
        .out;
  };
  const std::string first = seal(launch);
  EXPECT_EQ(first.size(), 33U);
  EXPECT_EQ(first, seal(launch));
  EXPECT_NE(first, seal(other));
}

TEST(Signing, IsTheSameTwiceForOneDate) {
  const Bench bench;
  const std::string launch = bench.Describe("");
  const auto sign = [&](const std::string& out) {
    EXPECT_EQ(testing::Run({Bench::simtee(), "sign", "--well-known-signer", "--well-known-world",
                            "--out", out, launch},
                           {"SOURCE_DATE_EPOCH=1735689600"})
                  .exit_code,
              0);
    return ReadFile(out, 1 << 16).value();
  };
  EXPECT_EQ(sign((bench.folder() / "one").string()), sign((bench.folder() / "two").string()));
  EXPECT_NE(testing::Run({Bench::simtee(), "sign", launch}).exit_code, 0) << "a signer is named";
}

// A portable copy, where every library of the machine is hidden.
TEST(Copy, RunsWithItsOwnLibrariesOnly) {
  const Bench bench;
  const std::string folder = (bench.folder() / "sim").string();
  ASSERT_EQ(testing::Run({Bench::simtee(), "copy", folder}).exit_code, 0);
  ASSERT_EQ(testing::Run({Bench::simtee(), "copy", folder}).exit_code, 0) << "again, over itself";
  const Container bare{.hidden = {"/usr"}};
  const Outcome copy =
      StartIn(bare, {folder + "/strongroom-simtee", "root", "--well-known-world"}).Wait();
  EXPECT_EQ(copy.exit_code, 0) << copy.err;
  EXPECT_EQ(copy.out.size(), 65U);
  EXPECT_EQ(StartIn(bare, {Bench::simtee(), "root", "--well-known-world"}).Wait().exit_code, 127)
      << "control: without its libraries the program does not start";
}

TEST(Image, IsMeasuredFromOutsideAsItWillBeInside) {
  const Bench bench;
  const TemporaryFolder image = TemporaryFolder::Make("strongroom-image").value();
  const std::string launch = bench.Describe("");
  ASSERT_OK_AND_ASSIGN(
      const LaunchDescription description,
      ParseLaunchDescription(ReadTextFile(launch, 1 << 16).value(), bench.folder()));
  ASSERT_OK_AND_ASSIGN(const MeasuredSet files, FreezeMeasuredSet(description));
  const auto in_image = [&](const std::string& path) { return image.path() / path.substr(1); };
  for (const auto& [path, file] : files) {
    fs::create_directories(in_image(path).parent_path());
    fs::copy_file(path, in_image(path));
  }
  fs::copy_file(launch, in_image(launch));
  EXPECT_EQ(bench.MeasurementOf(launch), bench.MeasurementOf(launch, {"--image", image.path()}));

  // A link in an image starts at the image's root.
  fs::create_directory(image.path() / "real");
  fs::rename(in_image(bench.library()), image.path() / "real/library");
  fs::create_symlink("/real/library", in_image(bench.library()));
  EXPECT_EQ(bench.MeasurementOf(launch), bench.MeasurementOf(launch, {"--image", image.path()}));

  testing::FlipHarmlessByte(in_image(bench.probe()).string());
  EXPECT_NE(bench.MeasurementOf(launch), bench.MeasurementOf(launch, {"--image", image.path()}));
}

}  // namespace
}  // namespace strongroom::simtee
