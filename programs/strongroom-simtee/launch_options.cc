#include "launch_options.h"

#include <CLI/CLI.hpp>

namespace strongroom::simtee {

void AddLaunchFlags(CLI::App& app, LaunchFlags& flags) {
  auto* launch = app.add_option("--launch", flags.launch,
                                "launch description (JSON); the flags below describe without one");
  const auto described = [&](const char* name, auto& value, const char* help) {
    return app.add_option(name, value, help)
        ->excludes(launch)
        ->group("Describing a workload without --launch");
  };
  described("--env", flags.env, "NAME=VALUE, measured");
  described("--host-env", flags.host_env, "NAME whose value this environment gives, not measured");
  described("--program", flags.programs, "further program that the workload may start");
  described("--plugin", flags.plugins, "shared object that is opened at run time");
  described("--file", flags.files, "configuration file PATH, or PATH=SOURCE");
  described("--working-directory", flags.working_directory, "default /");
  described("--product-id", flags.product_id, "ISVPRODID");
  described("--security-version", flags.security_version, "ISVSVN");
  app.add_option(
      "--mount", flags.mounts,
      "PATH or PATH=SOURCE: host folder or file shown at PATH, read-only and never as code; "
      "with --launch, where a described mount comes from");
  app.add_option("--mount-writable", flags.writable_mounts, "the same, writable");
  app.add_flag("--debug", flags.debug, "start a debug enclave");
  app.add_option("--signature", flags.signature,
                 "SIGSTRUCT file (default: <launch>.sig when it is there)");
  app.add_option("--key", flags.key, "sign now with this key (PEM, RSA-3072, exponent 3)");
  app.add_flag("--unsigned", flags.is_unsigned, "do not look for <launch>.sig");
  app.footer(
      "-- PROGRAM ARGUMENTS…  after all flags: what to start; replaces what the description "
      "says\n\n"
      "Everything is measured but what --host-env and --mount show: the program with its "
      "libraries, plugins, files,\n"
      "arguments and environment. Example:\n"
      "  strongroom-simtee run --env LOG_FORMAT=json --mount /models=./models -- ./server --models "
      "/models");
}

}  // namespace strongroom::simtee
