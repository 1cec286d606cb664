// The program strongroom-simtee itself, started as a user starts it, with a probe as the workload.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "attest/quote.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/entropy.h"
#include "sim/collateral.h"
#include "simtee/state.h"
#include "simtee/testing_bench.h"
#include "testing/result_matchers.h"
#include "testing/sanitizers.h"

namespace strongroom::simtee {
namespace {

namespace fs = std::filesystem;
using testing::Bench;
using testing::FlipHarmlessByte;
using ::testing::HasSubstr;
using testing::Outcome;
using testing::Process;

sim::World WorldOfTheTest() {
  SystemEntropy entropy;
  const SystemClock clock;
  return OpenWorld(Bench::state(), entropy, clock).value();
}

// Verifies the quote that a probe printed, as a relying party does.
Result<attest::VerifiedClaims> Verify(const std::string& hex,
                                      std::string_view platform = sim::kDefaultPlatform,
                                      attest::VerifierOptions options = {}) {
  const sim::World world = WorldOfTheTest();
  ASSIGN_OR_RETURN(const Bytes quote, HexDecode(hex.substr(0, hex.find('\n'))));
  ASSIGN_OR_RETURN(const sim::Platform* found, world.FindPlatform(platform));
  const UnixSeconds now = SystemClock().Now();
  ASSIGN_OR_RETURN(const auto endorsements, sim::Collateral(world, {}).For(*found, now));
  return attest::VerifySgxEvidence(quote, endorsements, attest::TrustAnchors().Add(world.anchor()),
                                   now, options)
      .ToResult();
}

TEST(Run, GivesTheWorkloadEvidenceOfWhatWasMeasured) {
  const Bench bench;
  const std::string launch =
      bench.Describe(R"("argv":["probe","quote"],"product_id":9,"security_version":4)");
  const Outcome outcome = bench.Start({"--launch", launch}, {});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  ASSERT_OK_AND_ASSIGN(const auto claims, Verify(outcome.out));
  EXPECT_EQ(HexEncode(claims.mrenclave().view()), bench.MeasurementOf(launch));
  EXPECT_EQ(claims.isv_prod_id(), 9);
  EXPECT_EQ(claims.isv_svn(), 4);
  EXPECT_EQ(claims.report_data().view()[0], 0xab);
  EXPECT_EQ(claims.tcb().status, attest::TcbStatus::kUpToDate);
}

TEST(Run, TakesThePlatformThatIsNamed) {
  const Bench bench;
  const Outcome outcome = bench.Start({"--platform", "out-of-date"}, {bench.probe(), "quote"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  ASSERT_OK_AND_ASSIGN(const auto claims, Verify(outcome.out, "out-of-date"));
  EXPECT_EQ(claims.tcb().status, attest::TcbStatus::kOutOfDate);

  const Outcome unknown = bench.Start({"--platform", "nowhere"}, {bench.probe(), "quote"});
  EXPECT_EQ(unknown.exit_code, 125);
  EXPECT_THAT(unknown.err, HasSubstr("no simulated platform \"nowhere\""));
}

TEST(Run, SetsTheDebugAttributeWhenAskedAndNothingElse) {
  const Bench bench;
  const std::string launch = bench.Describe(R"("argv":["probe","quote"])");
  const Outcome outcome = bench.Start({"--launch", launch, "--debug"}, {});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(Verify(outcome.out), strongroom::testing::Fails(Code::kUntrusted, "debug enclave"));
  ASSERT_OK_AND_ASSIGN(const auto claims, Verify(outcome.out, sim::kDefaultPlatform,
                                                 {.insecure_accept_debug_enclaves = true}));
  EXPECT_TRUE(claims.debug());
  EXPECT_EQ(HexEncode(claims.mrenclave().view()), bench.MeasurementOf(launch));
}

TEST(Run, ReturnsTheWorkloadsExitCode) {
  const Bench bench;
  EXPECT_EQ(bench.Start({}, {bench.probe(), "exit", "0"}).exit_code, 0);
  EXPECT_EQ(bench.Start({}, {bench.probe(), "exit", "42"}).exit_code, 42);
  EXPECT_EQ(bench.Start({}, {bench.probe(), "abort"}).exit_code, 128 + SIGABRT);
}

TEST(Run, PassesArgumentsAndOnlyTheDescribedEnvironment) {
  const Bench bench;
  const Outcome arguments =
      bench.Start({}, {bench.probe(), "arguments", "--flag", "", "two words"});
  EXPECT_EQ(arguments.out, bench.probe() + "\narguments\n--flag\n\ntwo words\n") << arguments.err;

  const std::string launch = bench.Describe(
      R"("argv":["p","environment"],"env":{"FIXED":"yes"},"host_env":["ADDRESS","ABSENT"])");
  const Outcome environment =
      bench.Start({"--launch", launch}, {}, {"ADDRESS=10.0.0.1:2001", "SECRET=host", "FIXED=no"});
  EXPECT_EQ(environment.out, "FIXED=yes\nADDRESS=10.0.0.1:2001\nSTRONGROOM_ATTESTATION_FD=3\n")
      << environment.err;
}

TEST(Run, RefusesVariablesThatSteerTheLoader) {
  const Bench bench;
  for (const std::string name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GLIBC_TUNABLES",
                                 "OPENSSL_CONF", "OPENSSL_MODULES", "SSL_CERT_FILE", "GCONV_PATH",
                                 "MALLOC_PERTURB_", "LOCPATH", "STRONGROOM_ATTESTATION_FD"}) {
    const Outcome described =
        bench.Start({"--env", name + "=/tmp/evil.so"}, {bench.probe(), "exit", "0"});
    EXPECT_EQ(described.exit_code, 125) << name;
    EXPECT_THAT(described.err, HasSubstr("denied: env: environment variable " + name)) << name;
    const Outcome host = bench.Start({"--host-env", name}, {bench.probe(), "exit", "0"});
    EXPECT_EQ(host.exit_code, 125) << name;
    EXPECT_THAT(host.err, HasSubstr("denied: host_env: environment variable " + name)) << name;
  }
}

TEST(Run, DoesNotStartWhenItWouldItselfRunForeignCode) {
  const Bench bench;
  for (const std::string name : {"LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH"}) {
    // With an instrumented library the loader itself would fail, before main.
    const std::string library =
        strongroom::testing::kUnderSanitizer ? "/no/such.so" : bench.plugin();
    const Outcome outcome = bench.Start({}, {bench.probe(), "exit", "0"}, {name + "=" + library});
    if (name == "LD_AUDIT" && outcome.exit_code == 127) {
      EXPECT_TRUE(strongroom::testing::kUnderSanitizer) << "only its runtime has no room to load";
      continue;
    }
    EXPECT_EQ(outcome.exit_code, 125) << name;
    EXPECT_THAT(outcome.err, HasSubstr(name + " is set"));
  }
}

TEST(Run, OpensAMeasuredPluginAndNoOther) {
  const Bench bench;
  const std::string launch = bench.Describe("");
  EXPECT_EQ(bench.Start({"--launch", launch}, {bench.probe(), "plugin", bench.plugin()}).out,
            "1002\n");

  const Outcome absent = bench.Start({}, {bench.probe(), "plugin", bench.plugin()});
  EXPECT_EQ(absent.exit_code, 1);
  EXPECT_THAT(absent.err, HasSubstr("No such file"));

  // Host data can be read but not mapped as code.
  const Outcome mounted =
      bench.Start({"--mount", "/data=" + bench.folder().string()},
                  {bench.probe(), "plugin", "/data/libstrongroom-probe-plugin.so"});
  EXPECT_EQ(mounted.exit_code, 1);
  EXPECT_THAT(mounted.err, HasSubstr("failed to map segment"));
}

TEST(Run, ExecutesMeasuredProgramsAndNoOther) {
  const Bench bench;
  const std::string other = (bench.folder() / "other-probe").string();
  fs::copy_file(bench.probe(), other);
  const std::vector<std::string> command = {bench.probe(), "execute", other, "echo", "hello"};
  EXPECT_EQ(bench.Start({"--program", other}, command).out, "hello\n");
  const Outcome absent = bench.Start({}, command);
  EXPECT_EQ(absent.exit_code, 1);
  EXPECT_THAT(absent.err, HasSubstr("No such file"));

  const Outcome mounted =
      bench.Start({"--mount", "/data=" + bench.folder().string()},
                  {bench.probe(), "execute", "/data/other-probe", "echo", "hello"});
  EXPECT_THAT(mounted.err, HasSubstr("Permission denied"));
  for (const std::string folder : {"/tmp", "/run", "/dev/shm"}) {
    const Outcome copied =
        bench.Start({}, {bench.probe(), "copy-and-execute", bench.probe(), folder + "/copy"});
    EXPECT_THAT(copied.err, HasSubstr("Permission denied")) << folder;
    EXPECT_EQ(copied.out, "") << folder;
  }
}

TEST(Run, ShowsMeasuredConfigurationReadOnly) {
  const Bench bench;
  const std::string launch = bench.Describe("");
  EXPECT_EQ(bench.Start({"--launch", launch}, {bench.probe(), "read", bench.configuration()}).out,
            "{\"who\": \"owner\"}\n");
  const Outcome written =
      bench.Start({"--launch", launch}, {bench.probe(), "write", "/etc/passwd"});
  EXPECT_EQ(written.exit_code, 1);
  const Outcome created = bench.Start({"--launch", launch}, {bench.probe(), "write", "/usr-file"});
  EXPECT_THAT(created.err, HasSubstr("Read-only file system"));
}

TEST(Run, ShowsMountsAsTheirDescriptionSays) {
  const Bench bench;
  const fs::path data = bench.folder() / "data";
  fs::create_directory(data);
  std::ofstream(data / "model") << "weights";
  const std::string launch =
      bench.Describe(R"("mounts":[{"path":"/models"},{"path":"/state","writable":true}])");
  const std::vector<std::string> flags = {"--launch", launch,
                                          "--mount",  "/models=" + data.string(),
                                          "--mount",  "/state=" + data.string()};
  EXPECT_EQ(bench.Start(flags, {bench.probe(), "read", "/models/model"}).out, "weights\n");
  EXPECT_THAT(bench.Start(flags, {bench.probe(), "write", "/models/new"}).err,
              HasSubstr("Read-only file system"));
  EXPECT_EQ(bench.Start(flags, {bench.probe(), "write", "/state/new"}).out, "written\n");
  EXPECT_TRUE(fs::exists(data / "new"));

  const Outcome undescribed = bench.Start(
      {"--launch", launch, "--mount", "/other=" + data.string()}, {bench.probe(), "exit", "0"});
  EXPECT_THAT(undescribed.err,
              HasSubstr("mount at /other: the launch description has no mount there"));
  const Outcome missing = bench.Start({"--launch", launch}, {bench.probe(), "exit", "0"});
  EXPECT_THAT(missing.err, HasSubstr("wanted for the mount at /models"));
}

TEST(Run, RefusesMountsInsideMountsWhoseLinksTheHostChooses) {
  const Bench bench;
  const Outcome outcome = bench.Start({"--mount", "/data=/var", "--mount", "/data/a/b=/var"},
                                      {bench.probe(), "exit", "0"});
  EXPECT_EQ(outcome.exit_code, 125);
  EXPECT_THAT(outcome.err, HasSubstr("lies inside the mount at /data"));
}

TEST(Run, RefusesGraminesFilesOverWhatIsMeasured) {
  const Bench bench;
  const std::string folder = std::filesystem::path(bench.probe()).parent_path().string();
  const Outcome outcome = bench.Start({"--gramine-files=" + folder}, {bench.probe(), "exit", "0"});
  EXPECT_EQ(outcome.exit_code, 125);
  EXPECT_THAT(outcome.err, HasSubstr("would hide the measured"));
}

TEST(Run, RefusesMountsThatHideWhatIsMeasured) {
  const Bench bench;
  const Outcome outcome =
      bench.Start({"--mount", bench.folder().string()}, {bench.probe(), "exit", "0"});
  EXPECT_EQ(outcome.exit_code, 125);
  EXPECT_THAT(outcome.err, HasSubstr("would hide the measured"));
  for (const std::string path : {"/", "/proc", "/dev/shm", "/sys/kernel"}) {
    EXPECT_THAT(bench.Start({"--mount", path}, {bench.probe(), "exit", "0"}).err,
                HasSubstr("denied: mount at " + path))
        << path;
  }
}

TEST(Run, KeepsTheHostsOtherFilesOut) {
  const Bench bench;
  std::ofstream(bench.folder() / "host-secret") << "x";
  const Outcome outcome =
      bench.Start({}, {bench.probe(), "read", (bench.folder() / "host-secret").string()});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("No such file"));
}

TEST(Run, GivesSealingKeysOfPlatformPolicyAndEnclave) {
  const Bench bench;
  const std::string key = (bench.folder() / "signer.pem").string();
  ASSERT_EQ(testing::Run({Bench::simtee(), "keygen", "--out", key}).exit_code, 0);
  const auto seal = [&](const std::string& policy, const std::vector<std::string>& flags) {
    const Outcome outcome = bench.Start(flags, {bench.probe(), "seal", policy});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out.size(), 33U);
    return outcome.out;
  };
  const std::string by_signer = seal("signer", {"--key", key});
  EXPECT_EQ(by_signer, seal("signer", {"--key", key, "--env", "REBUILT=1"}));
  EXPECT_NE(by_signer, seal("enclave", {"--key", key}));
  EXPECT_NE(seal("enclave", {"--key", key}), seal("enclave", {"--key", key, "--env", "REBUILT=1"}));
  EXPECT_NE(by_signer, seal("signer", {"--key", key, "--platform", "up-to-date-2"}));
  EXPECT_NE(by_signer, seal("signer", {"--key", key, "--product-id", "1"}));
  EXPECT_NE(by_signer, seal("signer", {"--key", key, "--security-version", "1"}));
  EXPECT_NE(by_signer, seal("signer", {"--key", key, "--debug"}));
  EXPECT_NE(seal("signer", {}), seal("signer", {})) << "unsigned: a fresh signer for every run";
}

TEST(Run, LetsAProgramPassTheSocketOnOnPurposeOnly) {
  const Bench bench;
  const Outcome outcome = bench.Start({}, {bench.probe(), "quote-then-child"});
  EXPECT_EQ(outcome.out, "child 1\n") << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("descriptor 3 is no socket"));
}

// The first process of the workload's namespace began as a copy of simtee. What is looked for is
// given in two parts, because simtee's own arguments are in that memory.
TEST(Run, KeepsThePlatformsKeysOutOfTheWorkloadsReach) {
  const Bench bench;
  const Outcome outcome =
      bench.Start({}, {bench.probe(), "search-memory", "1", "\"sealing_", "secret\":\""});
  EXPECT_THAT(outcome.out, ::testing::AnyOf("denied\n", "absent\n")) << outcome.err;
  const Outcome control =
      bench.Start({}, {bench.probe(), "search-memory", "self", "\"sealing_", "secret\":\""});
  EXPECT_EQ(control.out, "found\n")
      << "positive control: the searcher has put the parts together in its own memory";
}

TEST(Run, ForwardsSignalsToTheWorkload) {
  const Bench bench;
  Process process({Bench::simtee(), "run", "--state", Bench::state(), "--", bench.probe(),
                   "await-termination"});
  ASSERT_THAT(process.ReadLine(), ::testing::StartsWith("ready"));
  ASSERT_EQ(kill(process.pid(), SIGTERM), 0);
  EXPECT_EQ(process.Wait().exit_code, 40);
}

TEST(Run, TakesTheWorkloadWithItWhenItIsKilled) {
  const Bench bench;
  Process process({Bench::simtee(), "run", "--state", Bench::state(), "--", bench.probe(),
                   "await-termination"});
  ASSERT_THAT(process.ReadLine(), ::testing::StartsWith("ready"));
  ASSERT_EQ(kill(process.pid(), SIGKILL), 0);
  // The workload held the other end of the pipe: its end is the end of the pipe.
  EXPECT_EQ(process.ReadLine(), "");
  EXPECT_EQ(process.Wait().exit_code, 128 + SIGKILL);
}

// While the workload is launched again and again, another program is moved over its path and back.
// Whichever of the two was frozen, the evidence must be that one's: what ran and what was measured
// are never two things.
TEST(Run, RunsWhatItMeasuredThoughTheFileIsSwappedMeanwhile) {
  const Bench bench;
  const std::string launch = bench.Describe(R"("argv":["probe","quote"])");
  const std::string original = (bench.folder() / "original").string();
  const std::string changed = (bench.folder() / "changed").string();
  fs::copy_file(bench.probe(), original);
  fs::copy_file(bench.probe(), changed);
  FlipHarmlessByte(changed);
  const std::string measured_original = bench.MeasurementOf(launch);
  fs::rename(changed, bench.probe());
  const std::string measured_changed = bench.MeasurementOf(launch);
  fs::copy_file(bench.probe(), changed);
  ASSERT_NE(measured_original, measured_changed);

  std::jthread swapper([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      for (const std::string& source : {original, changed}) {
        const std::string next = bench.probe() + ".next";
        fs::copy_file(source, next, fs::copy_options::overwrite_existing);
        fs::rename(next, bench.probe());
      }
    }
  });
  for (int i = 0; i < 8; ++i) {
    const Outcome outcome = bench.Start({"--launch", launch}, {});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    ASSERT_OK_AND_ASSIGN(const auto claims, Verify(outcome.out));
    const std::string measured = HexEncode(claims.mrenclave().view());
    EXPECT_TRUE(measured == measured_original || measured == measured_changed) << measured;
  }
}

// The same seen from inside: once the workload runs, its program, its library and its plugin are
// replaced on the host, and it goes on with the copies.
TEST(Run, GoesOnWithItsCopiesWhenTheHostReplacesTheFiles) {
  const Bench bench;
  const std::string fifo_folder = (bench.folder() / "data").string();
  fs::create_directory(fifo_folder);
  const std::string fifo = fifo_folder + "/go";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const std::string launch = bench.Describe(R"("programs":["second"],"mounts":[{"path":"/data"}])");
  const std::string second = (bench.folder() / "second").string();
  fs::copy_file(bench.probe(), second);
  Process process({Bench::simtee(), "run", "--state", Bench::state(), "--launch", launch, "--mount",
                   "/data=" + fifo_folder, "--", bench.probe(), "read-then-execute", "/data/go",
                   second, "plugin", bench.plugin()});
  const UniqueFd writer(
      open(fifo.c_str(), O_WRONLY | O_CLOEXEC));  // waits until the workload reads
  for (const std::string& path : {bench.probe(), second, bench.library(), bench.plugin()}) {
    fs::remove(path);
    std::ofstream(path) << "evil";
  }
  ASSERT_EQ(write(writer.get(), "go", 2), 2);
  const Outcome outcome = process.Wait();
  EXPECT_EQ(outcome.out, "go\n1002\n") << outcome.err;
}

TEST(Run, OffersGraminesFilesByFuse) {
  if (access("/dev/fuse", R_OK | W_OK) != 0) {
    GTEST_SKIP()
        << "skipped: FUSE may not be mounted here (/dev/fuse), so Gramine's files are not tested";
  }
  const Bench bench;
  const std::vector<std::string> flags = {"--gramine-files"};
  const Outcome quote = bench.Start(flags, {bench.probe(), "quote"});
  ASSERT_EQ(quote.exit_code, 0) << quote.err;
  ASSERT_OK_AND_ASSIGN(const auto claims, Verify(quote.out));
  EXPECT_EQ(claims.report_data().view()[0], 0xab);

  EXPECT_EQ(bench.Start(flags, {bench.probe(), "read", "/dev/attestation/attestation_type"}).out,
            "dcap\n");
  EXPECT_EQ(bench.Start(flags, {bench.probe(), "seal", "signer"}).out.size(), 33U);
  EXPECT_THAT(bench.Start(flags, {bench.probe(), "write", "/dev/attestation/quote"}).err,
              HasSubstr("Permission denied"));
  EXPECT_EQ(bench.Start(flags, {bench.probe(), "write", "/dev/attestation/user_report_data"}).out,
            "written\n");
  EXPECT_THAT(bench.Start(flags, {bench.probe(), "environment"}).out,
              ::testing::Not(HasSubstr("ATTESTATION_FD")));
}

TEST(Run, SaysWhatIsWrongWithAProgram) {
  const Bench bench;
  EXPECT_THAT(bench.Start({}, {"/no/such/program"}).err,
              HasSubstr("not found: program: /no/such/program"));
  const std::string script = (bench.folder() / "script.sh").string();
  std::ofstream(script) << "#!/bin/sh\necho hello\n";
  EXPECT_THAT(bench.Start({}, {script}).err, HasSubstr("no ELF file"));
  fs::remove(bench.library());
  EXPECT_THAT(bench.Start({}, {bench.probe()}).err,
              HasSubstr("library libstrongroom-probe-library.so that"));
}

}  // namespace
}  // namespace strongroom::simtee
