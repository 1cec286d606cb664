// Files written by the real gramine-sgx-pf-crypt 1.8 and 1.9.

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "base/json.h"
#include "crypto/hash.h"
#include "pfs/file_reader.h"
#include "pfs/finding.h"
#include "pfs/testing.h"
#include "testing/result_matchers.h"
#include "testing/testdata.h"

namespace strongroom::pfs {
namespace {

using strongroom::testing::SharedTestdata;
using strongroom::testing::SkippedWithoutTestdata;

std::string Text(const Json& json, std::string_view name) {
  return std::string(json.GetString(name).value());
}

WrapKey KeyNamed(const Json& root, std::string_view name) {
  const Bytes bytes = HexDecode(root.Get("keys").value()->GetString(name).value()).value();
  return WrapKey::From(SecretBytes(bytes)).value();
}

Bytes PlaintextByRule(std::uint64_t size) {
  Bytes out;
  for (std::uint64_t block = 0; out.size() < size; ++block) {
    const auto digest =
        crypto::Sha256(AsBytes(fmt::format("pf-holdout:{}:{}", size, block))).array();
    out.insert(out.end(), digest.begin(), digest.end());
  }
  out.resize(size);
  return out;
}

class Vectors : public ::testing::Test {
 protected:
  void SetUp() override {
    if (SkippedWithoutTestdata("real Gramine files")) GTEST_SKIP();
    folder_ = *SharedTestdata() / "protected-files";
    const auto text = ReadTextFile(folder_ / "vectors.json", 1 << 20);
    ASSERT_OK(text);
    auto document = JsonDocument::Parse(*text);
    ASSERT_OK(document);
    document_ = std::move(*document);
    ASSERT_GE(files().size(), 7U);
  }

  const std::vector<Json>& files() const { return document_->root().Find("files")->items(); }
  WrapKey KeyOf(const Json& file) const { return KeyNamed(document_->root(), Text(file, "key")); }
  Bytes Content(const Json& file) const {
    return ReadFile(folder_ / Text(file, "file"), 1 << 30).value();
  }

  std::filesystem::path folder_;
  std::optional<JsonDocument> document_;
};

TEST_F(Vectors, HeadersAndDerivedKeysAreAsRecorded) {
  for (const Json& file : files()) {
    ASSERT_OK_AND_ASSIGN(const Header header, ParseHeader(Content(file)));
    EXPECT_EQ(header.format,
              file.GetInt("format_major").value() == 1 ? Format::kGramine1 : Format::kGramine2);
    EXPECT_EQ(header.minor_version, file.GetInt("format_minor").value());
    EXPECT_EQ(HexEncode(header.nonce.view()), Text(file, "kdf_nonce"));
    EXPECT_EQ(HexEncode(header.tag.view()), Text(file, "metadata_mac"));
    ASSERT_OK_AND_ASSIGN(const SecretBytes key, DeriveMetadataKey(KeyOf(file), header.nonce));
    EXPECT_EQ(HexEncode(key.Reveal()), Text(file, "metadata_key"));
  }
}

TEST_F(Vectors, MetadataIsAsRecorded) {
  for (const Json& file : files()) {
    const Bytes content = Content(file);
    ASSERT_OK_AND_ASSIGN(const Header header, ParseHeader(content));
    NodeCipher cipher;
    ASSERT_OK_AND_ASSIGN(const Metadata metadata,
                         cipher.OpenMetadata(content, header, KeyOf(file)));
    EXPECT_EQ(metadata.path, Text(file, "embedded_path"));
    EXPECT_EQ(static_cast<std::int64_t>(metadata.size), file.GetInt("plaintext_size").value());
    EXPECT_EQ(HexEncode(metadata.root.key()), Text(file, "root_mht_key"));
    EXPECT_EQ(HexEncode(metadata.root.tag()), Text(file, "root_mht_mac"));
    ASSERT_OK_AND_ASSIGN(const Geometry geometry, GeometryOf(metadata.size));
    EXPECT_EQ(static_cast<std::int64_t>(geometry.nodes()), file.GetInt("nodes").value());
    EXPECT_EQ(static_cast<std::int64_t>(geometry.data_nodes), file.GetInt("data_nodes").value());
    EXPECT_EQ(static_cast<std::int64_t>(geometry.mht_nodes), file.GetInt("mht_nodes").value());
  }
}

TEST_F(Vectors, OpenWithTheirPathAndGiveTheirPlaintext) {
  for (const Json& file : files()) {
    const Bytes content = Content(file);
    const MemorySource source(content);
    ASSERT_OK_AND_ASSIGN(const FileReader reader,
                         FileReader::Open(source, KeyOf(file), Text(file, "embedded_path")));
    SecretBytes plain(reader.size());
    ASSERT_OK(reader.ReadAll(plain.RevealWritable()));
    EXPECT_TRUE(Equal(plain.Reveal(), PlaintextByRule(reader.size())));
    EXPECT_EQ(HexEncode(crypto::Sha256(plain.Reveal()).view()), Text(file, "plaintext_sha256"));
    EXPECT_EQ(reader.surplus_nodes(), 0U);
  }
}

TEST_F(Vectors, DoNotOpenUnderTheOtherKeyOrName) {
  for (const Json& file : files()) {
    const Bytes content = Content(file);
    const MemorySource source(content);
    const WrapKey other =
        KeyNamed(document_->root(), Text(file, "key") == "keyA" ? "keyB" : "keyA");
    const auto wrong_key = FileReader::Open(source, other);
    ASSERT_FALSE(wrong_key.has_value());
    EXPECT_EQ(FindingOf(wrong_key.error()), Finding::kWrongKeyOrTamperedMetadata);
    const auto wrong_name = FileReader::Open(source, KeyOf(file), "models/v2/another");
    ASSERT_FALSE(wrong_name.has_value());
    EXPECT_EQ(FindingOf(wrong_name.error()), Finding::kWrongPath);
  }
}

}  // namespace
}  // namespace strongroom::pfs
