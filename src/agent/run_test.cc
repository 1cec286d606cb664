#include "agent/run.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "agent/exit_code.h"
#include "agent/file_layout.h"
#include "agent/testing/fake_coordinator.h"
#include "base/dumps.h"
#include "strongroom/v1/handover.pb.h"
#include "testing/gramine_system_calls.h"
#include "testing/result_matchers.h"
#include "testing/sanitizers.h"

namespace strongroom::agent {
namespace {

namespace fs = std::filesystem;
using testing::Behaviour;
using testing::FakeCoordinator;
using ::testing::HasSubstr;

// Tells when it is asked, which the agent does at each attempt and before each wait for the next.
class WatchedClock final : public Clock {
 public:
  UnixSeconds Now() const override {
    if (asked) asked();
    return now;
  }
  UnixSeconds now{testing::kNow};
  std::function<void()> asked = nullptr;
};

// Runs the agent's whole life against a fake coordinator, with /bin/sh for the program.
class RunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/dev/shm/agent-run-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    memory_ = pattern;
    log_fd_ = UniqueFd(open((memory_ / "log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    options_.config.coordinator = testing::ExpectedByIdentity();
    options_.config.marble = "server";
    options_.config.kind = ProgramKind::kForeign;
    options_.config.program = "/bin/sh";
    options_.config.env = {{"PATH", "/usr/bin:/bin"}};
    options_.config.run_folder = memory_ / "run";
    options_.reading_time = std::chrono::milliseconds(1);
    Script("exit 0");
  }
  void TearDown() override { fs::remove_all(memory_); }

  void Script(const std::string& script) { options_.config.argv = {"sh", "-c", script}; }
  std::string Path(const char* name) const { return memory_ / name; }
  std::string Content(const char* name) const {
    return ReadTextFile(memory_ / name, 100'000).value_or("(none)");
  }
  std::string LogText() const { return Content("log"); }

  // Once it is `done`, or never will be, the agent is ended as a kubelet does it.
  void EndWhen(std::function<bool()> done) {
    clock_.asked = [done = std::move(done), left = std::make_shared<int>(500)] {
      if (*left == 0) return;
      --*left;
      if (*left > 0 && !done()) return;
      *left = 0;
      kill(getpid(), SIGTERM);
    };
  }

  int RunAt(const std::string& address) {
    const auto log = Log::ToFd("agent", LogLevel::kDebug, LogFormat::kText, log_fd_.get());
    const Environment host = [&address,
                              this](const std::string& name) -> std::optional<std::string> {
      if (name == "STRONGROOM_COORDINATOR") return address;
      const auto found = host_.find(name);
      if (found == host_.end()) return std::nullopt;
      return found->second;
    };
    return agent::Run(options_, {evidence_, clock_, entropy_, host, *log, signals_});
  }
  int RunWith(Behaviour behaviour) {
    coordinator_ = FakeCoordinator::Start(std::move(behaviour));
    return RunAt(coordinator_->address());
  }

  BlockedSignals signals_;  // before any thread
  fs::path memory_;
  UniqueFd log_fd_;
  std::unique_ptr<FakeCoordinator> coordinator_;
  RunOptions options_;
  testing::SimEvidence evidence_;
  WatchedClock clock_;
  SystemEntropy entropy_;
  std::map<std::string, std::string> host_;
};

TEST_F(RunTest, EndsAsTheProgramEnds) {
  Script("exit 23");
  EXPECT_EQ(RunWith({}), 23);
  Script("kill -KILL $$");
  EXPECT_EQ(RunWith({}), 128 + SIGKILL);
}

TEST_F(RunTest, HandsOverToAProgramOfOurs) {
  options_.config.kind = ProgramKind::kStrongroom;
  Script("tail -c +5 </proc/self/fd/$STRONGROOM_HANDOVER_FD > " + Path("handover"));
  Behaviour behaviour;
  v1::Model& model = *behaviour.answer.add_models();
  model.set_name("digits");
  model.set_key("0123456789abcdef");
  ASSERT_EQ(RunWith(behaviour), 0);
  v1::Handover handover;
  ASSERT_TRUE(handover.ParseFromString(Content("handover")));
  EXPECT_EQ(handover.marble(), "server");
  EXPECT_EQ(handover.uuid(), coordinator_->last_request().uuid());
  ASSERT_EQ(handover.models_size(), 1);
  EXPECT_EQ(handover.models(0).key(), "0123456789abcdef");
  ASSERT_OK_AND_ASSIGN(const auto chain,
                       crypto::Certificate::ChainFromPem(handover.certificate_chain_pem(), 4));
  ASSERT_OK_AND_ASSIGN(const auto key,
                       crypto::PrivateKey::FromPkcs8Der(AsBytes(handover.private_key_pkcs8())));
  EXPECT_EQ(*chain.front().public_key(), key.public_key());
}

TEST_F(RunTest, HandsOverWithNothingButTheSystemCallsThatGramineHas) {
  if (strongroom::testing::kUnderSanitizer)
    GTEST_SKIP() << "skipped: the sanitizers need system calls of their own";
  options_.config.kind = ProgramKind::kStrongroom;
  Script("ls /proc/$PPID/task | wc -l > " + Path("threads") +
         "; tail -c +5 </proc/self/fd/$STRONGROOM_HANDOVER_FD > " + Path("handover") + "; exit 7");
  Behaviour behaviour;
  v1::Model& model = *behaviour.answer.add_models();
  model.set_name("digits");
  // More than a pipe holds.
  for (int i = 0; i < 100; ++i) model.add_client_certificates(std::string(10'000, 'c'));
  coordinator_ = FakeCoordinator::Start(std::move(behaviour));
  const pid_t agent = fork();
  if (agent == 0) {
    const bool kept = strongroom::testing::KeepGramineSystemCallsOnly() &&
                      ForbidDumps().has_value() && memfd_create("x", 0) < 0 && errno == ENOSYS;
    _exit(kept ? RunAt(coordinator_->address()) : 99);
  }
  int status = 0;
  ASSERT_EQ(waitpid(agent, &status, 0), agent);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7) << LogText();
  v1::Handover handover;
  ASSERT_OK_AND_ASSIGN(const std::string message, ReadTextFile(Path("handover"), 2'000'000));
  ASSERT_TRUE(handover.ParseFromString(message));
  ASSERT_EQ(handover.models_size(), 1);
  EXPECT_EQ(handover.models(0).client_certificates_size(), 100);
  // Gramine's fork fails beside several threads; only the one that hands over may be there by now.
  EXPECT_LE(std::stoi(Content("threads")), 2);
}

TEST_F(RunTest, LaysFilesOutForAForeignProgramAndRemovesThem) {
  options_.config.credential_files = {Path("tls/chain.pem"), Path("tls/key.pem"),
                                      Path("tls/mesh.pem"), Path("tls/root.pem")};
  Script("cat " + Path("secrets/token") + " " + Path("tls/key.pem") + " > " + Path("seen") +
         "; echo \"$TOKEN ${STRONGROOM_HANDOVER_FD-none} $MARBLE_PREDEFINED_PRIVATE_KEY\" >> " +
         Path("seen"));
  Behaviour behaviour;
  (*behaviour.answer.mutable_parameters()->mutable_files())[Path("secrets/token")] =
      "file secret\n";
  (*behaviour.answer.mutable_parameters()->mutable_env())["TOKEN"] = "env secret";
  ASSERT_EQ(RunWith(behaviour), 0);
  EXPECT_THAT(Content("seen"), ::testing::StartsWith("file secret\n-----BEGIN PRIVATE KEY-----"));
  EXPECT_THAT(Content("seen"), ::testing::EndsWith("env secret none \n"));
  EXPECT_FALSE(fs::exists(memory_ / "secrets"));
  EXPECT_FALSE(fs::exists(memory_ / "tls"));
}

TEST_F(RunTest, LaysFilesOutForOtherContainersAndEnds) {
  options_.purpose = Purpose::kFiles;
  options_.config.credential_files.private_key = Path("tls/key.pem");
  Behaviour behaviour;
  (*behaviour.answer.mutable_parameters()->mutable_files())[Path("secrets/token")] = "first";
  ASSERT_EQ(RunWith(behaviour), 0);
  EXPECT_EQ(Content("secrets/token"), "first");
  EXPECT_THAT(Content("tls/key.pem"), HasSubstr("BEGIN PRIVATE KEY"));
  (*behaviour.answer.mutable_parameters()->mutable_files())[Path("secrets/token")] = "second";
  ASSERT_EQ(RunWith(behaviour), 0) << "an init container may run again";
  EXPECT_EQ(Content("secrets/token"), "second");
}

TEST_F(RunTest, HasNothingToLayOutForOthersWhereNothingBecomesAFile) {
  options_.purpose = Purpose::kFiles;
  EXPECT_EQ(RunWith({}), kExitConfiguration);
  EXPECT_THAT(LogText(), HasSubstr("gives no files"));
  options_.config.kind = ProgramKind::kStrongroom;
  EXPECT_EQ(RunWith({}), kExitConfiguration);
  EXPECT_THAT(LogText(), HasSubstr("wanted foreign"));
}

TEST_F(RunTest, RefusesToLayOutWhatCannotBecomeAFile) {
  options_.purpose = Purpose::kSidecar;
  options_.config.credential_files.private_key = Path("tls/key.pem");
  Behaviour models;
  models.answer.add_models()->set_name("digits");
  EXPECT_EQ(RunWith(models), kExitConfiguration);
  EXPECT_THAT(LogText(), HasSubstr("gives this marble models"));
  Behaviour variables;
  (*variables.answer.mutable_parameters()->mutable_env())["TOKEN"] = "env secret";
  EXPECT_EQ(RunWith(variables), kExitConfiguration);
  EXPECT_THAT(LogText(), HasSubstr("gives this marble environment variables"));
  Behaviour arguments;
  arguments.answer.mutable_parameters()->add_argv("server");
  EXPECT_EQ(RunWith(arguments), kExitConfiguration);
  EXPECT_THAT(LogText(), HasSubstr("gives this marble arguments"));
  EXPECT_FALSE(fs::exists(memory_ / "tls"));
}

TEST_F(RunTest, ASidecarIsReadyWithItsFilesAndRemovesThemAtTheEnd) {
  options_.purpose = Purpose::kSidecar;
  options_.config.credential_files.certificate_chain = Path("tls/chain.pem");
  EndWhen([this] {
    return fs::exists(memory_ / "run" / kReadyMark) && fs::exists(memory_ / "tls/chain.pem");
  });
  EXPECT_EQ(RunWith({}), 0);
  EXPECT_FALSE(fs::exists(memory_ / "tls"));
  EXPECT_FALSE(fs::exists(memory_ / "run" / kReadyMark));
}

TEST_F(RunTest, ASidecarRenewsWhenTwoThirdsOfTheCertificatesLifeAreOver) {
  options_.purpose = Purpose::kSidecar;
  options_.renewal_pause = std::chrono::milliseconds(1);
  options_.config.credential_files.certificate_chain = Path("tls/chain.pem");
  clock_.now = testing::kNow + 70'000;
  coordinator_ = FakeCoordinator::Start({});
  std::string first;
  EndWhen([&] {
    const std::string chain = Content("tls/chain.pem");
    if (first.empty() && chain != "(none)") first = chain;
    return !first.empty() && coordinator_->counts().activations >= 3 && chain != first;
  });
  EXPECT_EQ(RunAt(coordinator_->address()), 0);
  EXPECT_THAT(LogText(), HasSubstr("renewed"));
}

TEST_F(RunTest, ASidecarWipesWhatItReplaced) {
  options_.purpose = Purpose::kSidecar;
  options_.renewal_pause = std::chrono::milliseconds(1);
  options_.config.credential_files.private_key = Path("tls/key.pem");
  clock_.now = testing::kNow + 70'000;
  UniqueFd first;
  const auto wiped = [&] {
    char byte = 'x';
    return first.valid() && pread(first.get(), &byte, 1, 0) == 1 && byte == 0;
  };
  bool seen = false;
  EndWhen([&] {
    if (!first.valid()) first = UniqueFd(open(Path("tls/key.pem").c_str(), O_RDONLY | O_CLOEXEC));
    seen = wiped();
    return seen;
  });
  EXPECT_EQ(RunWith({}), 0);
  EXPECT_TRUE(seen) << "while the sidecar ran on";
}

TEST_F(RunTest, ASidecarKeepsWhatItHasWhenARenewalGivesMoreThanFiles) {
  options_.purpose = Purpose::kSidecar;
  options_.renewal_pause = std::chrono::milliseconds(1);
  options_.config.credential_files.certificate_chain = Path("tls/chain.pem");
  clock_.now = testing::kNow + 70'000;
  Behaviour behaviour;
  behaviour.later_answer.emplace();
  (*behaviour.later_answer->mutable_parameters()->mutable_env())["TOKEN"] = "env secret";
  coordinator_ = FakeCoordinator::Start(behaviour);
  std::set<std::string> seen;
  EndWhen([&] {
    if (const std::string chain = Content("tls/chain.pem"); chain != "(none)") seen.insert(chain);
    return coordinator_->counts().activations >= 4;
  });
  EXPECT_EQ(RunAt(coordinator_->address()), 0);
  EXPECT_THAT(seen, ::testing::SizeIs(1));
  EXPECT_THAT(LogText(), HasSubstr("not renewed, what was laid out stays"));
  EXPECT_THAT(LogText(), HasSubstr("gives this marble environment variables"));
}

TEST_F(RunTest, PutsThePrivateKeyIntoTheEnvironmentOfMarbleRunStyleMarblesOnly) {
  Script("echo \"$MARBLE_PREDEFINED_PRIVATE_KEY\" > " + Path("seen"));
  ASSERT_EQ(RunWith({}), 0);
  EXPECT_EQ(Content("seen"), "\n");
  Behaviour style;
  style.answer.set_marblerun_style(true);
  ASSERT_EQ(RunWith(style), 0);
  EXPECT_THAT(Content("seen"), HasSubstr("BEGIN PRIVATE KEY"));
}

TEST_F(RunTest, RunsTheManifestsArgumentsWhenItGivesSome) {
  Behaviour behaviour;
  for (const char* argument : {"sh", "-c", "exit 9"})
    behaviour.answer.mutable_parameters()->add_argv(argument);
  EXPECT_EQ(RunWith(behaviour), 9);
}

TEST_F(RunTest, RefusesAnotherProgramOrOtherArgumentsThanMeasured) {
  Script("touch " + Path("ran"));
  options_.asked = {"/bin/sh", "-c", "touch /dev/shm/other"};
  EXPECT_EQ(RunWith({}), kExitConfiguration);
  options_.asked = {"/bin/bash"};
  EXPECT_EQ(RunWith({}), kExitConfiguration);
  EXPECT_FALSE(fs::exists(memory_ / "ran"));
  options_.asked = {"/bin/sh", "-c", "touch " + Path("ran")};
  EXPECT_EQ(RunWith({}), 0);
  EXPECT_TRUE(fs::exists(memory_ / "ran"));
}

TEST_F(RunTest, StartsNothingUnlessTheCoordinatorIsTheRightOne) {
  Script("touch " + Path("ran"));
  Behaviour other;
  other.enclave.mrenclave.writable()[5] ^= 1;
  EXPECT_EQ(RunWith(other), kExitUntrusted);
  EXPECT_THAT(LogText(), HasSubstr("coordinator not trusted"));
  EXPECT_THAT(LogText(), HasSubstr("MRENCLAVE"));
  EXPECT_EQ(coordinator_->counts().attests, 1) << "no second try";
  EXPECT_FALSE(fs::exists(memory_ / "ran"));
}

TEST_F(RunTest, PrintsWhyTheCoordinatorRefused) {
  Behaviour behaviour;
  behaviour.refuse = Error(Code::kDenied, "MRENCLAVE aa, wanted bb [package.unique-id]");
  EXPECT_EQ(RunWith(behaviour), kExitRefused);
  EXPECT_THAT(LogText(), HasSubstr("package.unique-id"));
  EXPECT_EQ(coordinator_->counts().activations, 1);
}

TEST_F(RunTest, TakesNamesThatNoRequestCanHoldForItsOwnMistake) {
  host_["EDG_MARBLE_DNS_NAMES"] = "localhost,b\xc3\xa4r";
  EXPECT_EQ(RunWith({}), kExitConfiguration);
  EXPECT_THAT(LogText(), HasSubstr("bad environment"));
  EXPECT_EQ(coordinator_->counts().attests, 0) << "nobody was asked";
}

TEST_F(RunTest, TellsThatTheTeeGaveNoEvidence) {
  evidence_.failure = Error(Code::kUnavailable, "the TEE is gone");
  EXPECT_EQ(RunWith({}), kExitNoEvidence);
}

TEST_F(RunTest, RefusesToWriteSecretsToDisk) {
  const auto disk = fs::current_path() / "strongroom-agent-run-test";
  if (IsInMemory(disk).value_or(true)) GTEST_SKIP() << "skipped: the working folder is in memory";
  Script("touch " + Path("ran"));
  Behaviour behaviour;
  (*behaviour.answer.mutable_parameters()->mutable_files())[disk] = "secret";
  (*behaviour.answer.mutable_parameters()->mutable_files())[Path("first")] = "secret";
  EXPECT_EQ(RunWith(behaviour), kExitLayout);
  EXPECT_FALSE(fs::exists(disk));
  EXPECT_FALSE(fs::exists(memory_ / "ran"));
  EXPECT_FALSE(fs::exists(memory_ / "first")) << "what was written before the refusal is removed";
}

TEST_F(RunTest, TellsThatTheProgramIsNotThereOrNotMeasured) {
  options_.config.program = "/no/such/program";
  EXPECT_EQ(RunWith({}), kExitNotFound);
  ASSERT_OK(WriteFileAtomic(memory_ / "data", AsBytes("#!/bin/sh\n"), 0600));
  options_.config.program = memory_ / "data";
  EXPECT_EQ(RunWith({}), kExitNotExecutable);
}

TEST_F(RunTest, WaitsForACoordinatorThatComesLater) {
  coordinator_ = FakeCoordinator::Start({});
  const std::uint16_t port = coordinator_->port();
  coordinator_.reset();
  Script("exit 5");
  std::unique_ptr<FakeCoordinator> late;
  const std::jthread starter([&] {
    while (!LogText().contains("trying again")) std::this_thread::yield();
    late = FakeCoordinator::Start({}, port);
  });
  EXPECT_EQ(RunAt("127.0.0.1:" + std::to_string(port)), 5);
}

TEST_F(RunTest, GivesUpWhenNobodyComes) {
  coordinator_ = FakeCoordinator::Start({});
  const std::string address = coordinator_->address();
  coordinator_.reset();
  options_.timeout = std::chrono::milliseconds(400);
  EXPECT_EQ(RunAt(address), kExitUnreachable);
  EXPECT_THAT(LogText(), HasSubstr("coordinator not reachable"));
}

TEST_F(RunTest, IsEndedByASignalWhileItWaitsForACoordinator) {
  coordinator_ = FakeCoordinator::Start({});
  const std::string address = coordinator_->address();
  coordinator_.reset();
  const std::jthread sender([&] {
    while (!LogText().contains("trying again")) std::this_thread::yield();
    kill(getpid(), SIGTERM);
  });
  EXPECT_EQ(RunAt(address), 128 + SIGTERM);
}

TEST_F(RunTest, IsEndedByASignalInTheMiddleOfAnAttempt) {
  Script("touch " + Path("ran"));
  Behaviour behaviour;
  behaviour.on_attest = [] { kill(getpid(), SIGTERM); };
  EXPECT_EQ(RunWith(behaviour), 128 + SIGTERM);
  EXPECT_EQ(coordinator_->counts().challenges, 0) << "the next step was not begun";
  EXPECT_FALSE(fs::exists(memory_ / "ran"));
}

TEST_F(RunTest, ASidecarRemovesItsFilesWhenItIsToldToEndWhileItRenews) {
  options_.purpose = Purpose::kSidecar;
  options_.renewal_pause = std::chrono::milliseconds(1);
  options_.config.credential_files.certificate_chain = Path("tls/chain.pem");
  clock_.now = testing::kNow + 70'000;
  Behaviour behaviour;
  behaviour.on_attest = [attests = std::make_shared<int>(0)] {
    if (++*attests == 2) kill(getpid(), SIGTERM);
  };
  EXPECT_EQ(RunWith(behaviour), 0);
  EXPECT_EQ(coordinator_->counts().activations, 1);
  EXPECT_FALSE(fs::exists(memory_ / "tls"));
}

TEST_F(RunTest, PassesSignalsOnToTheProgram) {
  Script("trap 'exit 77' TERM; touch " + Path("ready") + "; while :; do sleep 0.01; done");
  const std::jthread sender([&] {
    while (!fs::exists(memory_ / "ready")) std::this_thread::yield();
    kill(getpid(), SIGTERM);
  });
  EXPECT_EQ(RunWith({}), 77);
}

TEST_F(RunTest, RefusesARoleThatTheHostChanges) {
  host_["EDG_MARBLE_TYPE"] = "admin";
  EXPECT_EQ(RunWith({}), kExitConfiguration);
  EXPECT_EQ(coordinator_->counts().attests, 0);
}

TEST_F(RunTest, LogsNoSecret) {
  Behaviour behaviour;
  (*behaviour.answer.mutable_parameters()->mutable_env())["TOKEN"] = "topsecret";
  (*behaviour.answer.mutable_parameters()->mutable_files())[Path("f")] = "topsecret";
  ASSERT_EQ(RunWith(behaviour), 0);
  EXPECT_THAT(LogText(), ::testing::Not(HasSubstr("topsecret")));
  EXPECT_THAT(LogText(), HasSubstr("activated")) << "the control: the log was written";
}

}  // namespace
}  // namespace strongroom::agent
