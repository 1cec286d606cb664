// The software TEE: starts and measures workloads, answers for them under a TEST root, serves the
// matching collateral.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/portable_copy.h"
#include "base/version.h"
#include "launch_options.h"
#include "sim/platform.h"
#include "simtee/commands.h"
#include "tee/gramine_files.h"

namespace {

using strongroom::Result;
using strongroom::Status;
namespace simtee = strongroom::simtee;

constexpr int kOwnFailure = 125;  // of `run`, where every other code is the workload's

class Program {
 public:
  Program()
      : app_(
            "strongroom-simtee: a software TEE for machines without one. Its evidence has Intel's "
            "formats and proves "
            "nothing: the root's name says TEST, and only manifests that name that root accept it.",
            "strongroom-simtee") {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", std::string(strongroom::Version()));
    AddRun();
    AddMeasure();
    AddSigning();
    AddWorld();
  }

  int Main(int argc, char** argv) {
    // What comes after the first -- is the workload's, whatever it looks like.
    const auto end = std::find_if(argv + 1, argv + argc,
                                  [](const char* word) { return std::string_view(word) == "--"; });
    if (end != argv + argc) run_.launch.command.assign(end + 1, argv + argc);
    measure_.launch.command = run_.launch.command;
    try {
      app_.parse(static_cast<int>(end - argv), argv);
    } catch (const CLI::ParseError& error) {
      return app_.exit(error);
    }
    const auto code = action_();
    if (code.has_value()) return *code;
    fmt::print(stderr, "strongroom-simtee: {}\n", code.error().ToString());
    return failure_code_;
  }

 private:
  CLI::App* Add(const char* name, const char* help, std::function<Result<int>()> action) {
    CLI::App* command = app_.add_subcommand(name, help);
    command->callback([this, action = std::move(action)] { action_ = action; });
    return command;
  }

  // Turns success into exit code 0.
  static Result<int> Done(const Status& status) {
    if (!status.has_value()) return std::unexpected(status.error());
    return 0;
  }

  void AddWorldFlags(CLI::App& command, simtee::WorldFlags& flags) {
    command
        .add_option("--state", flags.state,
                    "folder of the simulated world (default: ~/.local/state/strongroom-simtee)")
        ->envname("STRONGROOM_SIMTEE_STATE");
    command.add_flag("--well-known-world", flags.well_known,
                     "the simulated world whose keys are public: no state, the same everywhere; "
                     "whoever wants makes any evidence in it");
  }

  static void AddImage(CLI::App& command, std::string& image) {
    command.add_option("--image", image,
                       "folder that will be the root, as of an image in the making: every path, "
                       "that of the launch description too, is a path in it");
  }

  void AddRun() {
    CLI::App* run = Add("run",
                        "start a workload in a simulated enclave; its exit code is the workload's, "
                        "125 when it did not start",
                        [this] {
                          failure_code_ = kOwnFailure;
                          return simtee::RunWorkload(run_, machine_);
                        });
    AddWorldFlags(*run, run_.world);
    run->add_option("--root", run_.container_root,
                    "own: a root of measured copies in namespaces of its own (default); "
                    "container: the root this container has, for places where no namespace may be "
                    "made (docs/formats/launch-description.md says what is weaker)")
        ->transform(CLI::CheckedTransformer(
                        std::map<std::string, bool>{{"own", false}, {"container", true}})
                        .description("{own,container}"))
        ->default_str("own");
    run->add_option("--platform", run_.platform, "one of `strongroom-simtee platforms`")
        ->default_val(std::string(strongroom::sim::kDefaultPlatform));
    run->add_option("--gramine-files", run_.gramine_files,
                    "offer Gramine's files there instead of the attestation socket")
        ->expected(0, 1)
        ->default_str(strongroom::tee::kGramineAttestationFolder);
    simtee::AddLaunchFlags(*run, run_.launch);
  }

  void AddMeasure() {
    CLI::App* measure =
        Add("measure", "print the identity that `run` would give a workload",
            [this] { return Done(simtee::PrintMeasurement(measure_, json_, machine_)); });
    AddWorldFlags(*measure, measure_.world);
    AddImage(*measure, measure_.launch.image);
    measure->add_flag("--json", json_, "for machines");
    measure->add_flag("--record", measure_.record, "print what MRENCLAVE is the SHA-256 of");
    simtee::AddLaunchFlags(*measure, measure_.launch);
  }

  void AddSigning() {
    CLI::App* keygen = Add("keygen", "make a key for `sign`",
                           [this] { return Done(simtee::GenerateSigningKey(out_)); });
    keygen->add_option("--out", out_, "file to write (0600)")->required();
    CLI::App* sign = Add("sign", "sign what a launch description describes",
                         [this] { return Done(simtee::SignLaunch(sign_, json_, machine_)); });
    AddWorldFlags(*sign, sign_.world);
    AddImage(*sign, sign_.image);
    auto* key = sign->add_option_group("signer");
    key->add_option("--key", sign_.key, "PEM, RSA-3072, exponent 3");
    key->add_flag("--well-known-signer", sign_.well_known_signer,
                  "the TEST signer whose key is public");
    key->require_option(1);
    sign->add_option("--date", sign_.date, "of the signature, seconds since 1970 (default: now)")
        ->envname("SOURCE_DATE_EPOCH");
    sign->add_option("--out", sign_.out, "SIGSTRUCT file to write (default: LAUNCH.sig)");
    sign->add_flag("--json", json_, "for machines");
    sign->add_option("LAUNCH", sign_.launch, "launch description")->required();
  }

  void AddWorld() {
    CLI::App* root =
        Add("root", "print the trust anchor of the TEST root: SHA-256 of its public key",
            [this] { return Done(simtee::PrintRoot(world_, certificate_, json_, machine_)); });
    AddWorldFlags(*root, world_);
    root->add_flag("--certificate", certificate_, "print the certificate (PEM) instead");
    root->add_flag("--json", json_, "for machines");
    CLI::App* pccs = Add("pccs", "serve the collateral of the simulated platforms as a PCCS does",
                         [this] { return Done(simtee::ServePccs(pccs_, machine_)); });
    AddWorldFlags(*pccs, pccs_.world);
    pccs->add_option("--listen", pccs_.listen, "address and port")->default_val("127.0.0.1:8081");
    pccs->add_option("--tcb-status", pccs_.statuses,
                     "PLATFORM=STATUS: what that platform's TCB level is said to be, as "
                     "after a TCB recovery (UpToDate, OutOfDate, …)");
    CLI::App* copy = Add("copy",
                         "copy this program with its libraries into a folder, for another "
                         "container; it runs there under the same path only",
                         [this] { return Done(strongroom::CopyProgramTo(out_)); });
    copy->add_option("FOLDER", out_, "made when it is missing")->required();
    Add("platforms", "list the simulated platforms", [this] {
      return Done(simtee::PrintPlatforms(json_));
    })->add_flag("--json", json_, "for machines");
  }

  CLI::App app_;
  std::function<Result<int>()> action_;
  int failure_code_ = 1;
  strongroom::SystemEntropy entropy_;
  strongroom::SystemClock clock_;
  strongroom::Log log_{"strongroom-simtee", strongroom::LogLevel::kInfo,
                       strongroom::LogFormat::kText};
  simtee::Machine machine_{.entropy = entropy_, .clock = clock_, .log = log_};
  simtee::RunFlags run_;
  simtee::MeasureFlags measure_;
  simtee::PccsFlags pccs_;
  simtee::SignFlags sign_;
  simtee::WorldFlags world_;
  std::string out_;
  bool json_ = false;
  bool certificate_ = false;
};

}  // namespace

int main(int argc, char** argv) { return Program().Main(argc, argv); }
