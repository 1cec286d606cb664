// keygen, encrypt, decrypt, inspect: all that works without a network.

#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/entropy.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "pfs/file_reader.h"
#include "pfs/finding.h"
#include "pfs/folder.h"
#include "pfs/tree_crypt.h"

namespace strongroom::cli {
namespace {

constexpr std::size_t kMaxKeyFile = 4096;  // far above a key, so that the message can say the size

constexpr std::string_view kTreeDetails =
    "IN is a file or a folder. Symbolic links below a folder, devices, pipes and sockets are\n"
    "refused before anything is written. OUT appears complete or not at all: a file replaces a\n"
    "file in one step, a folder must be absent or empty.\n\n";

// What to try, for what was found.
std::string_view NextFor(const Error& error) {
  const auto finding = pfs::FindingOf(error);
  if (!finding) return "";
  switch (*finding) {
    case pfs::Finding::kNotAProtectedFile:
      return "is it encrypted at all? `strongroom inspect FILE` shows what a file is";
    case pfs::Finding::kUnsupportedVersion:
      return "update strongroom, or encrypt with --format gramine2";
    case pfs::Finding::kWrongKeyOrTamperedMetadata:
      return "give --key the file that it was encrypted with; if that is what you did, get a fresh "
             "copy of the input";
    case pfs::Finding::kWrongPath:
      return "give --as the name it was encrypted as; if the name is right, the file is not the "
             "one you want";
    case pfs::Finding::kMalformedMetadata: return "encrypt it again: its writer made it wrong";
    case pfs::Finding::kTruncated:
    case pfs::Finding::kTamperedNode:
      return "get a fresh copy of the input from where it was encrypted";
  }
  return "";
}

// Prints a failure of a file command and gives its exit status.
Exit Fail(Console& console, const Error& error) {
  console.Failure(error, NextFor(error));
  return pfs::FindingOf(error) ? Exit::kNotGenuine : Exit::kFailed;
}

Result<pfs::WrapKey> ReadKey(const std::string& file, Console& console) {
  ASSIGN_OR_RETURN(SecretBytes bytes, ReadSecretFile(file, kMaxKeyFile));
  struct stat info{};
  if (stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 077) != 0) {
    console.Note(fmt::format("note: others may read the key: chmod 600 {}", file));
  }
  auto key = pfs::WrapKey::From(std::move(bytes));
  if (!key) return std::unexpected(key.error().In(file));
  return key;
}

Result<Exit> Keygen(const Arguments& arguments, Console& console) {
  const std::string& file = arguments.One("out");
  SystemEntropy entropy;
  const SecretBytes key = entropy.TakeSecret(pfs::kKeySize);
  if (Status made = CreateFileAtomic(file, key.Reveal(), 0600); !made) {
    const bool exists = made.error().code() == Code::kConflict;
    console.Failure(
        made.error(),
        exists ? "choose another name: what was encrypted with the old key needs it" : "");
    return Exit::kFailed;
  }
  console.Line(fmt::format("wrote a new key to {}: keep a copy, nothing opens without it", file));
  console.Json(JsonWriter().Object().Key("key").String(file).End());
  return Exit::kDone;
}

Result<pfs::Format> ParseFormat(std::string_view name) {
  for (const pfs::Format format : {pfs::Format::kGramine1, pfs::Format::kGramine2}) {
    if (name == pfs::FormatName(format)) return format;
  }
  return WrongUsage(fmt::format("format \"{}\", wanted gramine2 or gramine1", name));
}

Result<unsigned> ParseThreads(const std::string& text) {
  const auto threads = ParseDecimal<unsigned>(text);
  if (!threads || *threads == 0 || *threads > 256)
    return WrongUsage(fmt::format("--threads \"{}\", wanted a number from 1 to 256", text));
  return *threads;
}

Result<pfs::CryptOptions> ParseOptions(const Arguments& arguments) {
  pfs::CryptOptions options;
  options.as = arguments.Or("as", "");
  if (arguments.Has("as") && options.as.empty()) return WrongUsage("an empty --as, wanted a path");
  ASSIGN_OR_RETURN(options.format, ParseFormat(arguments.Or("format", "gramine2")));
  options.bulk.threads = 0;
  if (const auto threads = arguments.Optional("threads")) {
    ASSIGN_OR_RETURN(options.bulk.threads, ParseThreads(*threads));
  }
  return options;
}

using Crypt = std::function<Result<pfs::CryptReport>(const pfs::WrapKey& key,
                                                     const pfs::CryptOptions& options)>;

// The common course of encrypt and decrypt.
Exit RunCrypt(const Arguments& arguments, Console& console, std::string_view verb,
              const Crypt& crypt) {
  auto options = ParseOptions(arguments);
  if (!options) {
    console.Failure(options.error());
    return ExitFor(options.error());
  }
  const auto key = ReadKey(arguments.One("key"), console);
  if (!key) {
    console.Failure(key.error(),
                    "a key file has 16 bytes; `strongroom keygen --out FILE` makes one");
    return Exit::kFailed;
  }
  const Interrupt interrupt;
  ProgressLine progress(console, verb);
  options->on_start = [&](std::uint64_t files, std::uint64_t bytes) {
    progress.Expect(files, bytes);
  };
  options->bulk.on_progress = [&](std::uint64_t bytes) -> Status {
    progress.Advance(bytes);
    return interrupt.Check();
  };
  const auto report = crypt(*key, *options);
  progress.Clear();
  if (!report) return Fail(console, report.error());
  const std::string& out = arguments.One("OUT");
  const std::string name = report->path.empty() ? "" : fmt::format(", as \"{}\"", report->path);
  console.Line(fmt::format("{} {} file{} ({} bytes) to {}{}", verb, report->files,
                           report->files == 1 ? "" : "s", report->plaintext_bytes, out, name));
  console.Json(JsonWriter()
                   .Object()
                   .Key("out")
                   .String(out)
                   .Key("files")
                   .Unsigned(report->files)
                   .Key("bytes")
                   .Unsigned(report->plaintext_bytes)
                   .Key("path")
                   .String(report->path)
                   .End());
  return Exit::kDone;
}

Result<Exit> RunEncrypt(const Arguments& arguments, Console& console) {
  SystemEntropy entropy;
  return RunCrypt(arguments, console, "encrypted",
                  [&](const pfs::WrapKey& key, const pfs::CryptOptions& options) {
                    return pfs::Encrypt(arguments.One("IN"), arguments.One("OUT"), key, entropy,
                                        options);
                  });
}

Result<Exit> RunDecrypt(const Arguments& arguments, Console& console) {
  return RunCrypt(arguments, console, "decrypted",
                  [&](const pfs::WrapKey& key, const pfs::CryptOptions& options) {
                    return pfs::Decrypt(arguments.One("IN"), arguments.One("OUT"), key, options);
                  });
}

// What the open part of a file says; with a key also what the sealed part says.
struct Inspection {
  pfs::Header header;
  std::uint64_t file_size = 0;
  std::optional<pfs::FileReader> content = std::nullopt;
  bool checked = false;  // every node was verified
};

// A sink that keeps nothing: reading a file into it verifies every node.
class Nowhere final : public pfs::Sink {
 public:
  Result<std::uint64_t> Size() const override { return 0; }
  Status ReadAt(std::uint64_t, std::span<std::uint8_t>) const override {
    return Unsupported("nothing is kept here");
  }
  Status WriteAt(std::uint64_t, ByteView) override { return {}; }
};

Result<Inspection> InspectFile(const pfs::Source& source, const Arguments& arguments,
                               Console& console) {
  Inspection out;
  ASSIGN_OR_RETURN(out.file_size, source.Size());
  Bytes beginning(std::min<std::uint64_t>(out.file_size, pfs::kNodeSize));
  RETURN_IF_ERROR(source.ReadAt(0, beginning));
  ASSIGN_OR_RETURN(out.header, pfs::ParseHeader(beginning));
  if (!arguments.Has("key")) return out;
  ASSIGN_OR_RETURN(const pfs::WrapKey key, ReadKey(arguments.One("key"), console));
  ASSIGN_OR_RETURN(out.content, pfs::FileReader::Open(source, key));
  Nowhere nowhere;
  const Interrupt interrupt;
  ProgressLine progress(console, "checked");
  progress.Expect(1, out.content->size());
  const Status checked = out.content->CopyTo(
      nowhere, {.threads = 0, .on_progress = [&](std::uint64_t bytes) -> Status {
                  progress.Advance(bytes);
                  return interrupt.Check();
                }});
  progress.Clear();
  RETURN_IF_ERROR(checked);
  out.checked = true;
  return out;
}

void PrintInspection(const Inspection& found, Console& console) {
  console.Line(fmt::format("format:        {} (Gramine protected file)",
                           pfs::FormatName(found.header.format)));
  console.Line(fmt::format("file size:     {} bytes, {} nodes", found.file_size,
                           found.file_size / pfs::kNodeSize));
  if (found.header.pending_write) console.Line("unfinished:    its last writer was interrupted");
  JsonWriter json;
  json.Object().Key("format").String(pfs::FormatName(found.header.format));
  json.Key("fileSize").Unsigned(found.file_size).Key("unfinished").Bool(found.header.pending_write);
  if (found.content) {
    console.Line(fmt::format("encrypted as:  {}", found.content->path()));
    console.Line(fmt::format("plaintext:     {} bytes", found.content->size()));
    if (found.content->surplus_nodes() > 0) {
      console.Line(fmt::format("surplus:       {} nodes behind the end, ignored",
                               found.content->surplus_nodes()));
    }
    console.Line("genuine:       every node was verified");
    json.Key("path")
        .String(found.content->path())
        .Key("plaintextSize")
        .Unsigned(found.content->size());
    json.Key("surplusNodes")
        .Unsigned(found.content->surplus_nodes())
        .Key("genuine")
        .Bool(found.checked);
  } else {
    console.Line("not verified:  give --key to verify every node and see the name and size inside");
  }
  console.Json(json.End());
}

Result<Exit> Inspect(const Arguments& arguments, Console& console) {
  const std::string& file = arguments.One("FILE");
  const auto parent = pfs::OpenParent(file);
  if (!parent) return Fail(console, parent.error());
  const auto fd = pfs::OpenRegularFileIn(parent->folder.get(), parent->name);
  if (!fd) return Fail(console, fd.error());
  const pfs::FdSource source(fd->get(), file);
  const auto found = In(file, InspectFile(source, arguments, console));
  if (!found) return Fail(console, found.error());
  PrintInspection(*found, console);
  return Exit::kDone;
}

const Flag kKeyFlag = {
    .name = "--key,-k", .value = "FILE", .help = "the 16-byte key", .required = true};
const Flag kThreadsFlag = {
    .name = "--threads", .value = "N", .help = "threads (default: all processors this may use)"};
const Positional kIn = {.name = "IN", .help = "file or folder to read"};
const Positional kOut = {.name = "OUT", .help = "file or folder to make"};

}  // namespace

std::vector<Command> FileCommands() {
  return {
      {.path = {"keygen"},
       .summary = "make a key for encrypting models and data",
       .details = "Writes 16 random bytes with mode 0600. An existing file is never overwritten.",
       .flags = {{.name = "--out,-o",
                  .value = "FILE",
                  .help = "where to write the key",
                  .required = true}},
       .examples = {"strongroom keygen --out model.key"},
       .run = Keygen},
      {.path = {"encrypt"},
       .summary = "encrypt a file or a folder as Gramine protected files",
       .details = std::string(kTreeDetails) +
                  "Each file carries the name it was encrypted as, which readers compare: the last "
                  "part of\n"
                  "IN, or what --as says; in a folder, the relative path behind it.",
       .positionals = {kIn, kOut},
       .flags = {kKeyFlag,
                 {.name = "--as",
                  .value = "PATH",
                  .help = "the name to embed (default: last part of IN)"},
                 {.name = "--format",
                  .value = "NAME",
                  .help = "gramine2 (default) or gramine1, which Gramine before 1.9 reads"},
                 kThreadsFlag},
       .examples =
           {"strongroom encrypt --key model.key models/digits host/models/digits",
            "strongroom encrypt --key model.key --as digits/1/model.bin model.bin model.bin.pf"},
       .run = RunEncrypt},
      {.path = {"decrypt"},
       .summary = "decrypt and verify a protected file or a folder of them",
       .details = std::string(kTreeDetails) + "Exit status 4 when a file is not genuine. No reader "
                                              "of this format can tell a file from\n"
                                              "an older genuine state of it.",
       .positionals = {kIn, kOut},
       .flags = {kKeyFlag,
                 {.name = "--as",
                  .value = "PATH",
                  .help = "the name it must have been encrypted as; of a folder the first part "
                          "(default: any)"},
                 kThreadsFlag},
       .examples = {"strongroom decrypt --key model.key --as digits host/models/digits back"},
       .run = RunDecrypt},
      {.path = {"inspect"},
       .summary = "show what a protected file is; with its key, verify all of it",
       .positionals = {{.name = "FILE", .help = "the protected file"}},
       .flags = {{.name = "--key,-k",
                  .value = "FILE",
                  .help = "the 16-byte key: verifies every node"}},
       .examples = {"strongroom inspect model.bin.pf",
                    "strongroom inspect --key model.key model.bin.pf"},
       .run = Inspect},
  };
}

}  // namespace strongroom::cli
