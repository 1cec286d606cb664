// The user's program against the real coordinator: what each command about a coordinator prints and
// ends with, where it is verified, where it is not, and where it is another.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/files.h"
#include "coordinator/api/messages.h"
#include "coordinator/api/testing_clients.h"
#include "coordinator_process.h"
#include "crypto/hash.h"
#include "inference.pb.h"
#include "net/server.h"
#include "ratls/activation_binding.h"
#include "strongroom/v1/coordinator.pb.h"
#include "testing/process.h"
#include "testing/result_matchers.h"

namespace strongroom {
namespace {

using coordinator::testing::TestUser;
using nlohmann::json;
using strongroom::testing::ProcessResult;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int kDone = 0, kFailed = 1, kRefused = 3;

MATCHER_P3(Ends, status, out, err, "") {
  *result_listener << "status " << arg.exit_status << "\n" << arg.out << arg.err;
  return arg.exit_status == status && ::testing::Value(arg.out, out) &&
         ::testing::Value(arg.err, err);
}

class CliFlowTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(coordinator_.WaitUntilReady()) << coordinator_.text();
    Put("manifest.json", machine_.manifest);
    fingerprint_ = HexEncode(crypto::Sha256(AsBytes(machine_.manifest)).view());
    anchor_ = HexEncode(machine_.world().anchor().view());
    PutUser("owner", machine_.owner);
    PutUser("client", machine_.client);
    Put("key", std::string(16, 'k'));
  }

  // Runs strongroom as a user whose pins are in `home`.
  ProcessResult Run(std::vector<std::string> words, const std::string& home = "home") const {
    words.insert(words.begin(),
                 std::filesystem::absolute(strongroom::testing::ProgramPath("strongroom")));
    return strongroom::testing::RunProcess(
        words, {.environment = {"XDG_CONFIG_HOME=" + Path(home)}, .folder = folder_.path()});
  }
  // With the flags by which the coordinator's evidence is judged.
  ProcessResult Verify(std::vector<std::string> words) const {
    const std::string signer = "09" + std::string(62, '0');
    for (const std::string& word :
         {std::string("--mrsigner"), signer, std::string("--product-id"), std::string("0"),
          std::string("--min-svn"), std::string("0"), std::string("--trust-anchor"), anchor_,
          std::string("--collateral"), machine_.bundle().string()})
      words.push_back(word);
    return Run(std::move(words));
  }
  ProcessResult GiveKey(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"secret", "set", "key",       At(), "--from-file",
                                      "key",    "-c",  "owner.crt", "-k", "owner.key"};
    words.insert(words.end(), more.begin(), more.end());
    return Run(words);
  }
  void SetManifest() const {
    ASSERT_THAT(Verify({"manifest", "set", "manifest.json", At()}), Ends(kDone, ::testing::_, ""));
  }

  std::string At() const { return coordinator_.client(); }
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string Get(const std::string& name) const {
    return ReadTextFile(Path(name), 1 << 20).value();
  }
  void Put(const std::string& name, std::string_view text) const {
    ASSERT_OK(WriteFileAtomic(Path(name), AsBytes(text), 0600));
  }
  void PutUser(const std::string& name, const TestUser& user) const {
    Put(name + ".crt", user.certificate.Pem());
    const SecretBytes key = user.key.Pkcs8Pem();
    Put(name + ".key", AsText(key.Reveal()));
  }

  TemporaryFolder folder_ = TemporaryFolder::Make("strongroom-cli-flow").value();
  flows::Machine machine_;
  flows::Process coordinator_{machine_};
  std::string fingerprint_, anchor_;
};

TEST_F(CliFlowTest, StatusAndVerifySayWhomAManifestTrustsAndWhatIsWeakInIt) {
  EXPECT_THAT(Verify({"status", At()}), Ends(kDone, "2: Ready to accept a manifest.\n", ""));
  SetManifest();
  const std::string manifest = "\n  manifest     " + fingerprint_ + "\n";
  const std::string anchor = "\n  also trusts  " + anchor_ + " (not Intel's: for package server)\n";
  const std::string weaker =
      "\n  remark       Marbles.limited: may activate by MarbleRun's dialect: no nonce";
  const std::string trust = "\n  remark       Packages.server.TrustAnchors: trusts 1 more root(s)";
  const auto said =
      AllOf(HasSubstr(manifest), HasSubstr(anchor), HasSubstr(weaker), HasSubstr(trust));
  EXPECT_THAT(Run({"status", At()}), Ends(kDone, AllOf(StartsWith("3: "), said), ""));
  EXPECT_THAT(Verify({"verify", At(), "--manifest", "manifest.json"}), Ends(kDone, said, ""));
  for (const ProcessResult& result :
       {Run({"status", At(), "--json"}),
        Verify({"verify", At(), "--manifest", fingerprint_, "--json"})}) {
    const json answer = json::parse(result.out, nullptr, false);
    ASSERT_TRUE(answer.is_object()) << result.out << result.err;
    EXPECT_EQ(answer["trustAnchors"]["server"], json::array({anchor_}));
    EXPECT_THAT(answer["remarks"].dump(), HasSubstr("Packages.server.TrustAnchors: trusts 1"));
  }
  EXPECT_THAT(
      Verify({"verify", At()}),
      Ends(kDone, AllOf(HasSubstr("manifest     not verified"), Not(HasSubstr("remark"))), ""));
}

TEST_F(CliFlowTest, ASecretIsGivenOnlyToAManifestThatWasNamedOrPinned) {
  const auto not_there = [&] {
    return Run({"secret", "get", "key", At(), "-c", "owner.crt", "-k", "owner.key"}, "witness");
  };
  ASSERT_THAT(Verify({"manifest", "set", "manifest.json", At()}), Ends(kDone, ::testing::_, ""));
  std::filesystem::rename(Path("home"), Path("witness"));

  const std::string unverified = "none of " + At() + " was verified; run \"strongroom verify";
  EXPECT_THAT(GiveKey(), Ends(kFailed, "", HasSubstr(unverified))) << "no pin";
  EXPECT_THAT(GiveKey({"--manifest", "manifest.json"}),
              Ends(kFailed, "", HasSubstr(At() + " was never verified")))
      << "a manifest, but nobody knows whose coordinator answers";
  ASSERT_THAT(Verify({"verify", At()}), Ends(kDone, ::testing::_, ""));
  EXPECT_THAT(GiveKey(), Ends(kFailed, "", HasSubstr(unverified))) << "the root alone is pinned";
  EXPECT_THAT(GiveKey({"--manifest", std::string(64, '0')}),
              Ends(kRefused, "", HasSubstr("holds the manifest " + fingerprint_)))
      << "another manifest is named";
  EXPECT_THAT(not_there(), Ends(kFailed, "", HasSubstr("key"))) << "none of them gave it away";

  EXPECT_THAT(GiveKey({"--manifest", "manifest.json"}), Ends(kDone, ::testing::_, ""));
  EXPECT_THAT(not_there(), Ends(kDone, HasSubstr(Base64Encode(Bytes(16, 'k'))), ""));
  ASSERT_THAT(Verify({"verify", At(), "--manifest", fingerprint_}), Ends(kDone, ::testing::_, ""));
  EXPECT_THAT(GiveKey(), Ends(kDone, ::testing::_, "")) << "pinned by verify";
}

TEST_F(CliFlowTest, ManifestsAreReadVerifiedAndNamed) {
  EXPECT_THAT(Verify({"manifest", "get", At()}), Ends(kFailed, "", HasSubstr("no manifest")));
  SetManifest();
  EXPECT_THAT(Run({"manifest", "get", At()}), Ends(kDone, machine_.manifest, ""));
  EXPECT_THAT(Run({"manifest", "get", At(), "-o", "got.json"}),
              Ends(kDone, "wrote got.json; fingerprint " + fingerprint_ + "\n", ""));
  EXPECT_EQ(Get("got.json"), machine_.manifest);
  EXPECT_EQ(json::parse(Run({"manifest", "get", At(), "--json"}).out)["manifest"],
            machine_.manifest);
  EXPECT_THAT(Run({"manifest", "signature", "manifest.json"}),
              Ends(kDone, fingerprint_ + "\n", ""));
  for (const std::string& named : {std::string("manifest.json"), fingerprint_})
    EXPECT_THAT(Run({"manifest", "verify", named, At()}), Ends(kDone, "OK\n", "")) << named;
  Put("other.json", machine_.manifest + "\n");
  EXPECT_THAT(Run({"manifest", "verify", "other.json", At()}),
              Ends(kRefused, "", HasSubstr("holds the manifest " + fingerprint_)));
  EXPECT_THAT(Run({"manifest", "verify", "absent.json", At()}),
              Ends(kFailed, "", HasSubstr("absent.json")));
  EXPECT_THAT(Verify({"manifest", "set", "other.json", At()}),
              Ends(kFailed, "", HasSubstr("a manifest is set already")));
}

TEST_F(CliFlowTest, CertificatesAreThoseOfTheVerifiedCoordinator) {
  SetManifest();
  EXPECT_THAT(Run({"certificate", "root", At()}), Ends(kDone, "wrote marblerunRootCA.crt\n", ""));
  EXPECT_THAT(Run({"certificate", "intermediate", At(), "-o", "middle.crt"}),
              Ends(kDone, "wrote middle.crt\n", ""));
  EXPECT_THAT(Run({"certificate", "chain", At(), "-o", "-"}), Ends(kDone, EndsWith("\n"), ""));
  const std::string root = Get("marblerunRootCA.crt"), middle = Get("middle.crt");
  EXPECT_EQ(Run({"certificate", "chain", At(), "-o", "-"}).out, middle + root);
  ASSERT_OK_AND_ASSIGN(const auto issuer, crypto::Certificate::FromPem(root));
  ASSERT_OK_AND_ASSIGN(const auto issued, crypto::Certificate::FromPem(middle));
  EXPECT_NE(issuer, issued);
  EXPECT_THAT(Run({"certificate", "root", At()}, "stranger"),
              Ends(kFailed, "", HasSubstr("was never verified")));
}

TEST_F(CliFlowTest, EvidenceInAFileIsShownAndJudged) {
  attest::ReportData report_data;
  report_data.writable()[0] = 0xab;
  ASSERT_OK_AND_ASSIGN(const Bytes quote, machine_.server->Quote(report_data));
  Put("quote", ToText(quote));
  const std::string mrenclave = HexEncode(coordinator::testing::ServerIdentity().mrenclave.view());
  EXPECT_THAT(Run({"evidence", "show", "quote"}),
              Ends(kDone,
                   AllOf(HasSubstr("nothing of it is verified"), HasSubstr(mrenclave),
                         HasSubstr("report data  ab00")),
                   ""));
  EXPECT_EQ(json::parse(Run({"evidence", "show", "quote", "--json"}).out)["mrenclave"], mrenclave);
  const auto judge = [&](const std::string& expected, std::vector<std::string> more) {
    more.insert(more.begin(), {"evidence", "verify", "quote", "--mrenclave", expected,
                               "--collateral", machine_.bundle().string()});
    return Run(more);
  };
  EXPECT_THAT(judge(mrenclave, {"--trust-anchor", anchor_}),
              Ends(kDone, EndsWith("accepted\n"), ""));
  EXPECT_THAT(judge(std::string(64, '0'), {"--trust-anchor", anchor_}),
              Ends(kRefused, EndsWith("refused\n"), ""))
      << "another enclave";
  EXPECT_THAT(judge(mrenclave, {}), Ends(kRefused, EndsWith("refused\n"), ""))
      << "a root that nobody named";
  EXPECT_EQ(json::parse(judge(mrenclave, {"--json"}).out)["accepted"], false);
  EXPECT_EQ(json::parse(judge(mrenclave, {"--json", "--trust-anchor", anchor_}).out)["accepted"],
            true);
  Bytes changed = quote;
  changed[60] ^= 1;  // of the report body
  Put("quote", ToText(changed));
  EXPECT_THAT(judge(mrenclave, {"--trust-anchor", anchor_}),
              Ends(kRefused, EndsWith("refused\n"), ""))
      << "a changed quote";
  Put("quote", "no quote");
  EXPECT_THAT(Run({"evidence", "show", "quote"}), Ends(kFailed, "", HasSubstr("quote")));
  EXPECT_THAT(judge(mrenclave, {"--trust-anchor", anchor_}), Ends(kFailed, "", HasSubstr("quote")));
}

// The words of MarbleRun's CLI for which TCB is good enough.
TEST_F(CliFlowTest, TcbStatusesAndAdvisoriesAreAcceptedByMarbleRunsFlags) {
  const sim::Platform& platform = *machine_.world().FindPlatform("sw-hardening-needed").value();
  coordinator::testing::SimIssuer issuer(machine_.world(), platform,
                                         coordinator::testing::ServerIdentity());
  ASSERT_OK_AND_ASSIGN(const Bytes quote, issuer.Quote({}));
  Put("quote", ToText(quote));
  const sim::Collateral collateral(machine_.world(), {});
  ASSERT_OK_AND_ASSIGN(const auto endorsements, collateral.For(platform, SystemClock().Now()));
  Put("bundle", collateral::WriteBundle({endorsements}));
  Put("era.json",
      fmt::format(R"({{"UniqueID": "{}", "TrustAnchor": "{}"}})",
                  HexEncode(coordinator::testing::ServerIdentity().mrenclave.view()), anchor_));
  const auto judge = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"evidence", "verify",       "quote", "--era-config",
                                      "era.json", "--collateral", "bundle"};
    words.insert(words.end(), more.begin(), more.end());
    return Run(words);
  };
  const auto accepted = Ends(kDone, EndsWith("accepted\n"), "");
  const auto refused = Ends(kRefused, EndsWith("refused\n"), "");
  const std::string statuses = "UpToDate,SWHardeningNeeded";
  EXPECT_THAT(judge({}), refused);
  EXPECT_THAT(judge({"--accepted-tcb-statuses", statuses}), accepted);
  EXPECT_THAT(judge({"--accepted-tcb-status", "SWHardeningNeeded"}), accepted);
  EXPECT_THAT(judge({"--accepted-tcb-statuses", "UpToDate,OutOfDate"}), refused);
  EXPECT_THAT(judge({"--accepted-tcb-statuses", statuses, "--accepted-advisories",
                     "INTEL-SA-00334,INTEL-SA-00615"}),
              accepted);
  EXPECT_THAT(
      judge({"--accepted-tcb-statuses", statuses, "--accepted-advisories", "INTEL-SA-00334"}),
      refused);
  EXPECT_THAT(judge({"--accepted-tcb-statuses", "UpToDate,"}),
              Ends(kFailed, "", HasSubstr("status")));
  EXPECT_THAT(judge({"--accepted-advisories", "INTEL-SA-00334"}),
              Ends(kFailed, "", HasSubstr("advisories are accepted of no status")));
}

TEST_F(CliFlowTest, TheLogIsFoundUnderMarbleRunsNameToo) {
  SetManifest();
  const std::vector<std::string> user = {At(), "-c", "owner.crt", "-k", "owner.key"};
  std::vector<std::string> ours = user, theirs = user;
  ours.insert(ours.begin(), "log");
  theirs.insert(theirs.begin(), {"manifest", "log"});
  const ProcessResult log = Run(ours);
  EXPECT_THAT(log, Ends(kDone, HasSubstr("manifest-set"), HasSubstr("unbroken and signed")));
  EXPECT_EQ(Run(theirs).out, log.out);
}

// A model server as far as its client can see: a certificate of a marble, and one answer.
std::unique_ptr<net::Server> ServeOneModel(const flows::Process& coordinator,
                                           flows::Machine& machine, const std::string& marble) {
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  const auto channel =
      net::GrpcChannel::Connect(
          {.address = coordinator.mesh(),
           .tls = net::TlsClientOptions{.trust = net::TrustCheck{[](auto, const auto&) {
                                          return Status();
                                        }},
                                        .exporter_labels = {std::string(ratls::kExporterLabel)}}})
          .value();
  const Bytes message =
      coordinator::testing::MakeActivateMessage(*channel, *machine.server, marble, key).value();
  const Bytes reply = channel->Call("/strongroom.v1.Coordinator/Activate", message).value();
  const auto answer = coordinator::ParseMessage<v1::ActivateResponse>(reply).value();
  auto service = std::make_shared<net::GrpcService>();
  service->Handle("/inference.GRPCInferenceService/ModelInfer", [](const auto&, ByteView) {
    inference::ModelInferResponse response;
    auto& output = *response.add_outputs();
    output.set_name("out");
    output.set_datatype("UINT8");
    output.add_shape(2);
    response.add_raw_output_contents("\x07\x08");
    return Result<Bytes>(ToBytes(response.SerializeAsString()));
  });
  return net::Server::Start(
             {.listeners = {{.address = "127.0.0.1:0",
                             .tls = net::TlsServerOptions{.credentials =
                                                              net::Credentials::FromPem(
                                                                  answer.certificate_chain_pem(),
                                                                  key.Pkcs8Pem())
                                                                  .value()},
                             .grpc_services = {service}}},
              .event_loops = 1,
              .workers = 1})
      .value();
}

TEST_F(CliFlowTest, AModelServerIsTrustedByItsCoordinatorOnceTheManifestWasVerified) {
  SetManifest();
  std::filesystem::rename(Path("home"), Path("owner-home"));
  const auto server = ServeOneModel(coordinator_, machine_, "limited");
  Put("input", "x");
  const auto infer = [&](const std::string& marble) {
    return Run({"infer", fmt::format("localhost:{}", server->port()), "--coordinator", At(),
                "--marble", marble, "-m", "digits", "-i", "x=input@UINT8:1"});
  };
  EXPECT_THAT(infer("limited"), Ends(kFailed, "", HasSubstr(At() + " was never verified")));
  ASSERT_THAT(Verify({"verify", At()}), Ends(kDone, ::testing::_, ""));
  EXPECT_THAT(infer("limited"), Ends(kFailed, "", HasSubstr("no manifest of " + At())))
      << "the root alone is pinned";
  ASSERT_THAT(Verify({"verify", At(), "--manifest", "manifest.json"}),
              Ends(kDone, ::testing::_, ""));
  EXPECT_THAT(infer("limited"),
              Ends(kDone, "out: UINT8 [2]\n[7,8]\n", HasSubstr("not on Intel's root")));
  EXPECT_THAT(infer("other"), Ends(kRefused, "", HasSubstr("wanted \"other\"")));
}

}  // namespace
}  // namespace strongroom
