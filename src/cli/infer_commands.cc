#include <fmt/format.h>

#include "base/files.h"
#include "base/guarded.h"
#include "cli/commands.h"
#include "cli/coordinator_client.h"
#include "cli/inference_client.h"
#include "cli/server_check.h"
#include "cli/tensor_input.h"
#include "net/address.h"

namespace strongroom::cli {
namespace {

constexpr std::size_t kMaxShown = 64;  // elements that fit a screen

// Whose word the client takes for the server's identity: a root certificate from a file, or that of
// a coordinator this user verified.
Result<Bytes> TrustedRoot(const Arguments& arguments) {
  const auto file = arguments.Optional("root"), coordinator = arguments.Optional("coordinator");
  if (file.has_value() == coordinator.has_value()) {
    return WrongUsage(
        "whom to trust: give --root FILE (strongroom certificate root), or --coordinator HOST:PORT "
        "that was verified");
  }
  std::string pem, origin;
  if (file) {
    origin = *file;
    ASSIGN_OR_RETURN(pem, ReadTextFile(*file, 64 * 1024));
  } else {
    ASSIGN_OR_RETURN(origin, NormalAddress(*coordinator, 4433));
    ASSIGN_OR_RETURN(const Pins pins, Pins::OfThisUser());
    ASSIGN_OR_RETURN(const std::optional<Pin> pin, pins.Find(origin));
    if (!pin.has_value()) {
      return Precondition(
          fmt::format("{} was never verified; run \"strongroom verify {} --identity FILE\" first",
                      origin, origin));
    }
    if (pin->manifest_sha256.empty()) {
      return Precondition(fmt::format(
          "no manifest of {} was verified, so anyone's model server could be behind it; run "
          "\"strongroom verify {} --identity FILE --manifest FILE|SHA256\" first",
          origin, origin));
    }
    pem = pin->root_pem;
  }
  ASSIGN_OR_RETURN(const crypto::Certificate root, In(origin, crypto::Certificate::FromPem(pem)));
  return ToBytes(root.der());
}

// Servers under this root, and of it the one marble that was named. A name that says nothing about
// which marble answers is not enough: then the marble must be named. `remark` is set in the
// handshake, and must outlive every connection.
Result<net::TrustRoots> TrustedServer(const Arguments& arguments, std::string_view host,
                                      Guarded<std::string>& remark) {
  ASSIGN_OR_RETURN(Bytes root, TrustedRoot(arguments));
  net::TrustRoots out{.roots = {std::move(root)}};
  const auto marble = arguments.Optional("marble");
  out.also = [marble, &remark](std::string_view, const std::vector<Bytes>& chain) -> Status {
    if (marble) RETURN_IF_ERROR(ExpectMarble(*marble, chain));
    remark.With([&](std::string& text) { text = RemarkOnRoot(chain); });
    return {};
  };
  if (!marble && IsLoopbackName(host)) {
    return WrongUsage(fmt::format(
        "\"{}\" is a name that every marble may have in its certificate: say which one is meant by "
        "--marble NAME (its name in the manifest)",
        host));
  }
  return out;
}

// A server that wants a certificate ends the handshake with an alert, which by itself says nothing
// to a person.
Error Explained(const Error& error, const InferenceTarget& target) {
  if (target.tls.credentials != nullptr || !error.message().contains("certificate required")) {
    return error;
  }
  return Error(Code::kUntrusted,
               target.address + " wants a client certificate: give --cert and --key");
}

Result<NamedTensors> Ask(const std::string& api, const InferenceTarget& target,
                         NamedTensors inputs) {
  if (api == "tfs") return InferByTensorFlowServing(target, std::move(inputs));
  if (api == "kserve") return InferByKServeGrpc(target, std::move(inputs));
  if (api == "rest") return InferByKServeRest(target, std::move(inputs));
  return WrongUsage(fmt::format("--api \"{}\", wanted tfs, kserve or rest", api));
}

Status Print(const NamedTensors& outputs, Console& console) {
  JsonWriter out;
  out.Object().Key("outputs").Array();
  for (const auto& [name, tensor] : outputs) {
    std::string shape;
    for (const std::int64_t dimension : tensor.shape)
      shape += fmt::format("{}{}", shape.empty() ? "" : ",", dimension);
    ASSIGN_OR_RETURN(const std::size_t count, ElementCount(tensor.shape));
    console.Line(fmt::format("{}: {} [{}]", name, tensor.datatype, shape));
    if (count <= kMaxShown) {
      ASSIGN_OR_RETURN(const std::string nested, DataAsJson(tensor, /*nested=*/true));
      console.Line(nested);
    } else {
      console.Line(fmt::format(
          "{} elements; save them with --output FILE.npy, or print them with --json", count));
    }
    if (!console.json()) continue;
    ASSIGN_OR_RETURN(const std::string flat, DataAsJson(tensor, /*nested=*/false));
    out.Object()
        .Key("name")
        .String(name)
        .Key("datatype")
        .String(tensor.datatype)
        .Key("shape")
        .Array();
    for (const std::int64_t dimension : tensor.shape) out.Int(dimension);
    out.End().Key("data").Raw(flat).End();
  }
  out.End().End();
  console.Json(out);
  return {};
}

Result<Exit> Infer(const Arguments& arguments, Console& console) {
  ASSIGN_OR_RETURN(const std::string address, NormalAddress(arguments.One("HOST:PORT"), 8500));
  ASSIGN_OR_RETURN(const net::HostPort server, net::ParseHostPort(address));
  const std::string name = arguments.Or("server-name", server.host);
  Guarded<std::string> remark;
  ASSIGN_OR_RETURN(net::TrustRoots trust, TrustedServer(arguments, name, remark));
  ASSIGN_OR_RETURN(auto credentials, UserCredentials(arguments));
  const InferenceTarget target{.address = address,
                               .tls = {.trust = std::move(trust),
                                       .credentials = std::move(credentials),
                                       .server_name = name},
                               .model = arguments.One("model"),
                               .version = arguments.Or("model-version", "")};
  NamedTensors inputs;
  for (const std::string& text : arguments.All("input")) {
    ASSIGN_OR_RETURN(TensorInput input, ReadTensorInput(text));
    inputs.push_back(std::move(input));
  }
  const Result<NamedTensors> answer = Ask(arguments.Or("api", "kserve"), target, std::move(inputs));
  if (!answer.has_value()) return std::unexpected(Explained(answer.error(), target));
  const NamedTensors& outputs = *answer;
  if (const std::string text = remark.With([](const std::string& t) { return t; }); !text.empty())
    console.Note(text);
  const auto file = arguments.Optional("output");
  if (!file) {
    RETURN_IF_ERROR(Print(outputs, console));
    return Exit::kDone;
  }
  if (outputs.size() != 1)
    return Unsupported(fmt::format("{} outputs, --output wants a model with one", outputs.size()));
  ASSIGN_OR_RETURN(const Bytes npy, In(outputs.front().first, WriteNpy(outputs.front().second)));
  RETURN_IF_ERROR(WriteFileAtomic(*file, npy, 0644));
  console.Line(fmt::format("wrote {} ({})", *file, outputs.front().first));
  console.Json(JsonWriter()
                   .Object()
                   .Key("file")
                   .String(*file)
                   .Key("output")
                   .String(outputs.front().first)
                   .End());
  return Exit::kDone;
}

}  // namespace

std::vector<Command> InferCommands() {
  std::vector<Flag> flags = {
      {.name = "--model,-m", .value = "NAME", .help = "the model", .required = true},
      {.name = "--model-version", .value = "N", .help = "its version (default: the served one)"},
      {.name = "--input,-i",
       .value = "[NAME=]FILE",
       .help =
           "a tensor: .npy, JSON ({datatype, shape, data}) or raw bytes as FILE@FP32:1,28,28; a "
           "model with one input needs no name",
       .required = true,
       .repeated = true},
      {.name = "--output,-o",
       .value = "FILE",
       .help = "write the output tensor as .npy (any but BF16, which NumPy has not)"},
      {.name = "--api",
       .value = "API",
       .help = "tfs (TensorFlow Serving gRPC), kserve (KServe v2 gRPC, default) or rest (KServe v2 "
               "REST)"},
      {.name = "--root", .value = "FILE", .help = "trust servers certified under this root (PEM)"},
      {.name = "--coordinator",
       .value = "HOST:PORT",
       .help = "trust servers of this verified coordinator"},
      {.name = "--marble",
       .value = "NAME",
       .help = "the server's name in the manifest; its certificate must carry it (required for "
               "localhost)"},
      {.name = "--server-name",
       .value = "NAME",
       .help = "the name in the server's certificate (default: HOST)"},
  };
  for (Flag& flag : UserFlags(false)) flags.push_back(std::move(flag));
  return {
      {.path = {"infer"},
       .summary = "ask a model over mutual TLS",
       .positionals = {{.name = "HOST:PORT", .help = "the model server (port 8500 unless given)"}},
       .flags = flags,
       .examples =
           {"strongroom infer models.example:8500 --marble modelserver -m digits -i image.npy "
            "--coordinator coordinator.example -c alice.crt -k alice.key"},
       .run = Infer}};
}

}  // namespace strongroom::cli
