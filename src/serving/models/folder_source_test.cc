#include "serving/models/folder_source.h"

#include <sys/stat.h>

#include <fstream>

#include "base/entropy.h"
#include "base/files.h"
#include "crypto/hash.h"
#include "pfs/tree_crypt.h"
#include "testing/result_matchers.h"

namespace strongroom::serving::models {
namespace {

namespace fs = std::filesystem;
using strongroom::testing::Fails;
using ::testing::ElementsAre;

// An owner who encrypts at home and a host that holds the folder.
class ProtectedFolderTest : public ::testing::Test {
 protected:
  ProtectedFolderTest() : folder_(TemporaryFolder::Make("strongroom-models-").value()) {}

  fs::path Host(const fs::path& path) const { return folder_.path() / "host" / path; }

  // Encrypts `content` as the file <model>/<version>/<file> and gives its digest.
  Bytes Put(const std::string& model, const std::string& name, std::string_view content,
            std::uint8_t key = 1, std::string prefix = "") {
    if (prefix.empty()) prefix = model;
    const fs::path plain = folder_.path() / "owner";
    std::ofstream(plain) << content;
    const fs::path out = Host(fs::path(model) / name);
    fs::create_directories(out.parent_path());
    SystemEntropy entropy;
    EXPECT_OK(pfs::Encrypt(plain, out, KeyOf(key), entropy, {.as = prefix + "/" + name}));
    return ToBytes(crypto::Sha256(AsBytes(content)).view());
  }

  static pfs::WrapKey KeyOf(std::uint8_t byte) {
    return pfs::WrapKey::From(SecretBytes(ByteView(Bytes(16, byte)))).value();
  }

  std::unique_ptr<ModelSource> Source(const std::string& model, std::map<std::string, Bytes> files,
                                      std::uint8_t key = 1, std::string prefix = "") {
    auto source = ProtectedFolder::Make(
        model, Host(model),
        {.key = KeyOf(key), .embedded_prefix = std::move(prefix), .files = std::move(files)}, 2);
    EXPECT_OK(source);
    return std::move(source).value();
  }

  // A model digits with version 1 on the host, and what its owner says of it.
  std::map<std::string, Bytes> PutDigits(const std::string& version = "1") {
    return {{version + "/model.xml", Put("digits", version + "/model.xml", "<net/> of " + version)},
            {version + "/model.bin",
             Put("digits", version + "/model.bin", std::string(10'000, 'w') + version)}};
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(ProtectedFolderTest, OpensIrAndOnnx) {
  const auto source = Source("digits", PutDigits());
  EXPECT_THAT(source->Versions("digits").value(), ElementsAre(1));
  ASSERT_OK_AND_ASSIGN(const ModelFiles files, source->Read("digits", 1));
  EXPECT_EQ(files.format, ModelFormat::kOpenVinoIr);
  EXPECT_EQ(ToText(files.graph.view()), "<net/> of 1");
  EXPECT_EQ(ToText(files.weights.view()), std::string(10'000, 'w') + "1");

  const auto onnx = Source("faces", {{"4/model.onnx", Put("faces", "4/model.onnx", "onnx")}});
  ASSERT_OK_AND_ASSIGN(const ModelFiles one, onnx->Read("faces", 4));
  EXPECT_EQ(one.format, ModelFormat::kOnnx);
  EXPECT_EQ(ToText(one.graph.view()), "onnx");
  EXPECT_TRUE(one.weights.empty());
}

// TensorFlow Serving reads 00000012 as 12, and its exporters wrote such folders.
TEST_F(ProtectedFolderTest, AVersionMayHaveZerosBeforeItsNumber) {
  auto files = PutDigits("00000012");
  files.merge(PutDigits("9"));
  const auto source = Source("digits", files);
  EXPECT_THAT(source->Versions("digits").value(), ElementsAre(9, 12));
  ASSERT_OK_AND_ASSIGN(const ModelFiles read, source->Read("digits", 12));
  EXPECT_EQ(ToText(read.graph.view()), "<net/> of 00000012");
}

TEST_F(ProtectedFolderTest, APrefixServesTreesOfOtherTools) {
  const std::map<std::string, Bytes> files = {
      {"1/model.onnx", Put("digits", "1/model.onnx", "onnx", 1, "/srv/models/d")}};
  EXPECT_OK(Source("digits", files, 1, "/srv/models/d")->Read("digits", 1));
  EXPECT_THAT(Source("digits", files)->Read("digits", 1),
              Fails(Code::kUntrusted, "/srv/models/d/1/model.onnx"));
}

TEST_F(ProtectedFolderTest, AWrongKeyOpensNothing) {
  const auto refused = Source("digits", PutDigits(), 2)->Read("digits", 1);
  EXPECT_THAT(refused, Fails(Code::kUntrusted, ""));
  EXPECT_EQ(refused.error().finding(), "pfs.wrong-key-or-tampered-metadata");
}

TEST_F(ProtectedFolderTest, EveryFlippedNodeIsRefused) {
  const auto source = Source("digits", PutDigits());
  const fs::path path = Host("digits/1/model.bin");
  const Bytes genuine = ReadFile(path, 1 << 20).value();
  for (std::size_t at = 100; at < genuine.size(); at += 1500) {
    Bytes changed = genuine;
    changed[at] ^= 1;
    ASSERT_OK(WriteFileAtomic(path, changed, 0600));
    EXPECT_THAT(source->Read("digits", 1), Fails(Code::kUntrusted, "")) << "offset " << at;
  }
  ASSERT_OK(WriteFileAtomic(path, genuine, 0600));
  EXPECT_OK(source->Read("digits", 1));
}

TEST_F(ProtectedFolderTest, ATruncatedFileIsRefused) {
  const auto source = Source("digits", PutDigits());
  const fs::path path = Host("digits/1/model.bin");
  const Bytes genuine = ReadFile(path, 1 << 20).value();
  ASSERT_OK(WriteFileAtomic(path, ByteView(genuine).first(genuine.size() - 4096), 0600));
  EXPECT_THAT(source->Read("digits", 1), Fails(Code::kMalformed, ""));
}

TEST_F(ProtectedFolderTest, FilesOfAnotherVersionModelOrNameAreRefusedByTheirPlace) {
  auto files = PutDigits("1");
  files.merge(PutDigits("2"));
  Put("other", "1/model.bin", std::string(10'000, 'w') + "1");
  const struct {
    const char* name;
    const char* from;
    const char* to;
  } rows[] = {
      {"another version", "digits/1/model.bin", "digits/2/model.bin"},
      {"another model, same content", "other/1/model.bin", "digits/1/model.bin"},
      {"another file", "digits/1/model.xml", "digits/1/model.bin"},
  };
  for (const auto& row : rows) {
    const Bytes kept = ReadFile(Host(row.to), 1 << 20).value();
    fs::copy_file(Host(row.from), Host(row.to), fs::copy_options::overwrite_existing);
    const std::int64_t version = std::string_view(row.to).contains("/2/") ? 2 : 1;
    const auto refused = Source("digits", files)->Read("digits", version);
    EXPECT_THAT(refused, Fails(Code::kUntrusted, row.from)) << row.name << " names what it found";
    EXPECT_THAT(refused, Fails(Code::kUntrusted, row.to)) << row.name << " names what it wanted";
    EXPECT_EQ(refused.error().finding(), "pfs.wrong-path") << row.name;
    ASSERT_OK(WriteFileAtomic(Host(row.to), kept, 0600));
  }
}

TEST_F(ProtectedFolderTest, AnOlderStateOfTheSameFileIsRefusedByItsContent) {
  const auto old_files = PutDigits();
  auto files = old_files;
  fs::copy_file(Host("digits/1/model.bin"), Host("kept"));
  files["1/model.bin"] = Put("digits", "1/model.bin", "retrained");
  fs::copy_file(Host("kept"), Host("digits/1/model.bin"), fs::copy_options::overwrite_existing);
  const auto refused = Source("digits", files)->Read("digits", 1);
  EXPECT_THAT(refused, Fails(Code::kUntrusted, "another state of it than the owner names"));
  EXPECT_EQ(refused.error().finding(), "models.other-content");
}

TEST_F(ProtectedFolderTest, VersionsAreTheOwnersNotTheHosts) {
  auto files = PutDigits("2");
  PutDigits("1");
  PutDigits("9");
  const auto source = Source("digits", files);
  EXPECT_THAT(source->Versions("digits").value(), ElementsAre(2))
      << "neither newer nor older folders count";
  EXPECT_THAT(source->Read("digits", 9), Fails(Code::kPrecondition, "names no files of version 9"));
  fs::remove_all(Host("digits/2"));
  EXPECT_THAT(source->Versions("digits").value(), ElementsAre(2))
      << "a newest version left out is missed";
  EXPECT_THAT(source->Read("digits", 2), Fails(Code::kNotFound, "model.xml"));
}

TEST_F(ProtectedFolderTest, WhatIsNoRegularFileIsRefusedAtOnce) {
  const auto source = Source("digits", PutDigits());
  const fs::path path = Host("digits/1/model.bin");
  fs::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(source->Read("digits", 1), Fails(Code::kMalformed, "no regular file"));
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_THAT(source->Read("digits", 1), Fails(Code::kMalformed, "no regular file"));
  fs::remove(path);
  std::ofstream(path) << "<net/>";
  const auto plain = source->Read("digits", 1);
  EXPECT_THAT(plain, Fails(Code::kMalformed, ""));
  EXPECT_EQ(plain.error().finding(), "pfs.not-a-protected-file");
}

TEST_F(ProtectedFolderTest, AnOwnersListThatServesNothingIsRefused) {
  const Bytes digest(32, 1);
  const struct {
    const char* name;
    std::map<std::string, Bytes> files;
    const char* text;
  } rows[] = {
      {"nothing", {}, "names 0 files"},
      {"half an IR", {{"1/model.xml", digest}}, "version 1 has no model"},
      {"half an IR beside a whole model",
       {{"1/model.onnx", digest}, {"2/model.bin", digest}},
       "version 2 has no model"},
      {"no version", {{"model.onnx", digest}}, "is not <version>/<file>"},
      {"one version in two folders",
       {{"1/model.onnx", digest}, {"01/model.onnx", digest}},
       "are both version 1"},
      {"negative version", {{"-1/model.onnx", digest}}, "is not <version>/<file>"},
      {"short digest", {{"1/model.onnx", Bytes(31)}}, "31 bytes, wanted 32"},
      {"empty digest", {{"1/model.onnx", {}}}, "0 bytes, wanted 32"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(
        ProtectedFolder::Make("m", "/nowhere",
                              {.key = KeyOf(1), .embedded_prefix = "", .files = row.files}, 1),
        Fails(Code::kMalformed, row.text))
        << row.name;
  }
}

TEST_F(ProtectedFolderTest, AnotherModelsNameIsNotServed) {
  const auto source = Source("digits", PutDigits());
  EXPECT_THAT(source->Versions("faces"), Fails(Code::kNotFound, "faces"));
  EXPECT_THAT(source->Read("faces", 1), Fails(Code::kNotFound, "faces"));
}

TEST(InsecurePlainFolderTest, ReadsVersionsOfPlainFiles) {
  const TemporaryFolder folder = TemporaryFolder::Make("strongroom-models-").value();
  for (const char* name : {"1", "12", "007", "x", "3"}) fs::create_directory(folder.path() / name);
  std::ofstream(folder.path() / "1" / "model.xml") << "<net/>";
  std::ofstream(folder.path() / "1" / "model.bin") << "w";
  std::ofstream(folder.path() / "12" / "model.onnx") << "onnx";
  std::ofstream(folder.path() / "007" / "model.onnx") << "seven";
  InsecurePlainFolder source(folder.path());
  EXPECT_THAT(source.Versions("any").value(), ElementsAre(1, 3, 7, 12));
  EXPECT_EQ(ToText(source.Read("any", 1).value().weights.view()), "w");
  EXPECT_EQ(source.Read("any", 12).value().format, ModelFormat::kOnnx);
  EXPECT_EQ(ToText(source.Read("any", 7).value().graph.view()), "seven");
  EXPECT_THAT(source.Read("any", 8), Fails(Code::kNotFound, "no version 8"));
  EXPECT_THAT(source.Read("any", 3), Fails(Code::kNotFound, "model.xml"));
  EXPECT_THAT(InsecurePlainFolder("/nowhere/at/all").Versions("any"),
              Fails(Code::kNotFound, "/nowhere"));
  fs::create_symlink("model.onnx", folder.path() / "3" / "model.onnx");
  EXPECT_THAT(source.Read("any", 3), Fails(Code::kInternal, "3/model.onnx: "));
}

}  // namespace
}  // namespace strongroom::serving::models
