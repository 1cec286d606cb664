#include "coordinator/store/sqlite_store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/reader.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/sealed_box.h"

namespace strongroom::coordinator {
namespace {

constexpr std::int64_t kApplicationId = 0x5374526d;  // "StRm"
constexpr std::int64_t kFormat = 1;
constexpr std::size_t kKeyBytes = 32;

constexpr std::string_view kRecordContext = "strongroom state record v1";
constexpr std::string_view kSetContext = "strongroom state set v1";
constexpr std::string_view kHeadContext = "strongroom state head v1";
constexpr std::string_view kDataKeyContext = "strongroom state data key v1";
constexpr std::string_view kWrappingContext = "strongroom state wrapping key v1";

constexpr std::string_view kModeName = "seal-mode";
constexpr std::string_view kSealedKeyName = "sealed-key";
constexpr std::string_view kHeadName = "head";

constexpr const char* kSchema = R"(
CREATE TABLE meta(name BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE records(name BLOB PRIMARY KEY, version INTEGER NOT NULL, box BLOB NOT NULL)
  STRICT, WITHOUT ROWID;
)";

std::string_view ModeText(manifest::SealMode mode) {
  switch (mode) {
    case manifest::SealMode::kProductKey: return "ProductKey";
    case manifest::SealMode::kUniqueKey: return "UniqueKey";
    case manifest::SealMode::kDisabled: return "Disabled";
  }
  return "unknown";
}

// What authenticates a record besides its content: what it is called, and which one of that name.
Bytes RecordContext(std::string_view use, ByteView name, std::int64_t version) {
  Writer w;
  w.Prefixed32Le(use).Prefixed32Le(name).U64Le(static_cast<std::uint64_t>(version));
  return std::move(w).Finish();
}

std::unexpected<Error> Damaged(std::string_view what) {
  return Untrusted(fmt::format(
      "the state was changed outside of the coordinator: {}. It was left as it is; put back the "
      "newest copy of state.db",
      what));
}

Result<manifest::SealMode> ParseMode(ByteView text) {
  for (const auto mode : {manifest::SealMode::kProductKey, manifest::SealMode::kUniqueKey}) {
    if (AsText(text) == ModeText(mode)) return mode;
  }
  return Damaged("it names no seal mode");
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::filesystem::path& folder,
                                                       Sealer& sealer, Entropy& entropy) {
  const std::filesystem::path path = folder / "state.db";
  auto database = Database::OpenFile(path);
  if (!database.has_value()) return std::unexpected(database.error().In(path.string()));
  std::unique_ptr<SqliteStore> out(new SqliteStore(std::move(*database), sealer, entropy));
  const Status status = out->Inspect();
  if (!status.has_value()) return std::unexpected(status.error().In(path.string()));
  return out;
}

Status SqliteStore::Inspect() {
  ASSIGN_OR_RETURN(const std::string verdict, database_->QueryText("PRAGMA integrity_check(1)"));
  if (verdict != "ok") return Damaged(verdict);
  ASSIGN_OR_RETURN(const std::int64_t tables,
                   database_->QueryInt("SELECT count(*) FROM sqlite_schema"));
  ASSIGN_OR_RETURN(const std::int64_t application, database_->QueryInt("PRAGMA application_id"));
  ASSIGN_OR_RETURN(const std::int64_t format, database_->QueryInt("PRAGMA user_version"));
  if (tables == 0 && application == 0) return {};
  if (application != kApplicationId) return Damaged("the file is no state of a coordinator");
  if (format != kFormat)
    return Unsupported(fmt::format("state of format {}, wanted {}", format, kFormat));
  return OpenState();
}

Result<SecretBytes> SqliteStore::WrappingKey(manifest::SealMode mode) const {
  ASSIGN_OR_RETURN(const SecretBytes material, In("sealing key", sealer_.SealingKey(mode)));
  const std::string info = fmt::format("{} {}", kWrappingContext, ModeText(mode));
  return crypto::HkdfSha256({.key = material.Reveal(), .info = AsBytes(info)}, kKeyBytes);
}

Status SqliteStore::UseDataKey(const SecretBytes& data_key) {
  Keys keys;
  ASSIGN_OR_RETURN(
      keys.records,
      crypto::HkdfSha256({.key = data_key.Reveal(), .info = AsBytes(kRecordContext)}, kKeyBytes));
  ASSIGN_OR_RETURN(
      keys.set,
      crypto::HkdfSha256({.key = data_key.Reveal(), .info = AsBytes(kSetContext)}, kKeyBytes));
  keys_ = std::move(keys);
  return {};
}

Status SqliteStore::OpenState() {
  ASSIGN_OR_RETURN(const Bytes mode_text, GetMeta(kModeName));
  ASSIGN_OR_RETURN(const manifest::SealMode mode, ParseMode(mode_text));
  ASSIGN_OR_RETURN(const Bytes sealed_key, GetMeta(kSealedKeyName));
  ASSIGN_OR_RETURN(const SecretBytes wrapping_key, WrappingKey(mode));
  const auto data_key =
      crypto::OpenBox(wrapping_key.Reveal(), AsBytes(kDataKeyContext), sealed_key);
  if (!data_key.has_value()) {
    // Another platform or signer, or a damaged key: nothing here can tell.
    found_ = Found::kSealed;
    return {};
  }
  RETURN_IF_ERROR(UseDataKey(*data_key));
  ASSIGN_OR_RETURN(const Bytes box, GetMeta(kHeadName));
  const auto head = crypto::OpenBox(keys_->records.Reveal(), AsBytes(kHeadContext), box);
  if (!head.has_value()) return Damaged("its head does not open");
  Reader reader(head->Reveal(), "state head");
  ASSIGN_OR_RETURN(head_.generation, reader.U64Le());
  ASSIGN_OR_RETURN(head_.count, reader.U64Le());
  ASSIGN_OR_RETURN(const ByteView sum, reader.Take(head_.sum.size()));
  std::ranges::copy(sum, head_.sum.begin());
  RETURN_IF_ERROR(reader.ExpectEnd());
  RETURN_IF_ERROR(CheckSet());
  RETURN_IF_ERROR(PrepareStatements());
  found_ = Found::kState;
  return {};
}

void SqliteStore::Add(ByteView name, std::int64_t version, ByteView box, Head& head) const {
  const Bytes context = RecordContext(kSetContext, name, version);
  const Bytes message = Concat({context, crypto::Sha256(box).view()});
  const crypto::HmacSha256Digest digest = crypto::HmacSha256(keys_->set.Reveal(), message);
  for (std::size_t i = 0; i < head.sum.size(); ++i) head.sum[i] ^= digest.array()[i];
}

Status SqliteStore::CheckSet() const {
  Head seen{.generation = head_.generation};
  ASSIGN_OR_RETURN(Statement all, database_->Prepare("SELECT name, version, box FROM records"));
  RETURN_IF_ERROR(all.Rows([&](const Statement& row) -> Status {
    Add(row.Blob(0), row.Int(1), row.Blob(2), seen);
    ++seen.count;
    return {};
  }));
  if (!(seen == head_))
    return Damaged(
        fmt::format("found {} records that are not the {} last written", seen.count, head_.count));
  return {};
}

Result<Bytes> SqliteStore::GetMeta(std::string_view name) const {
  ASSIGN_OR_RETURN(Statement get, database_->Prepare("SELECT value FROM meta WHERE name = ?1"));
  std::optional<Bytes> out;
  RETURN_IF_ERROR(get.Bind(1, AsBytes(name)).Rows([&out](const Statement& row) -> Status {
    out = ToBytes(row.Blob(0));
    return {};
  }));
  if (!out) return Damaged(fmt::format("it has no \"{}\"", name));
  return *std::move(out);
}

Status SqliteStore::PrepareStatements() {
  ASSIGN_OR_RETURN(Statement get,
                   database_->Prepare("SELECT version, box FROM records WHERE name = ?1"));
  ASSIGN_OR_RETURN(Statement put,
                   database_->Prepare("INSERT INTO records(name, version, box) VALUES(?1, ?2, ?3) "
                                      "ON CONFLICT DO UPDATE SET version = ?2, box = ?3"));
  ASSIGN_OR_RETURN(Statement put_meta,
                   database_->Prepare("INSERT INTO meta(name, value) VALUES(?1, ?2) "
                                      "ON CONFLICT DO UPDATE SET value = ?2"));
  statements_.emplace(std::move(get), std::move(put), std::move(put_meta));
  return {};
}

Status SqliteStore::PutMeta(std::string_view name, ByteView value) {
  return statements_->put_meta.Bind(1, AsBytes(name)).Bind(2, value).Run();
}

Status SqliteStore::PutHead(const Head& head) {
  Writer w;
  w.U64Le(head.generation).U64Le(head.count).Put(head.sum);
  ASSIGN_OR_RETURN(const Bytes box, crypto::SealBox(keys_->records.Reveal(), AsBytes(kHeadContext),
                                                    w.bytes(), entropy_));
  return PutMeta(kHeadName, box);
}

// Replaces or adds one record and moves `head` along.
Status SqliteStore::Put(const Record& record, Head& head) {
  const ByteView name = AsBytes(record.name);
  std::int64_t version = 0;
  RETURN_IF_ERROR(statements_->get.Bind(1, name).Rows([&](const Statement& row) -> Status {
    version = row.Int(0);
    Add(name, version, row.Blob(1), head);  // takes it out: adding twice cancels
    --head.count;
    return {};
  }));
  ++version;
  ASSIGN_OR_RETURN(const Bytes box, crypto::SealBox(keys_->records.Reveal(),
                                                    RecordContext(kRecordContext, name, version),
                                                    record.value.Reveal(), entropy_));
  Add(name, version, box, head);
  ++head.count;
  return statements_->put.Bind(1, name).Bind(2, version).Bind(3, box).Run();
}

Status SqliteStore::WriteLocked(const std::vector<Record>& records) {
  Head head = head_;
  ++head.generation;
  for (const Record& record : records) RETURN_IF_ERROR(Put(record, head));
  RETURN_IF_ERROR(PutHead(head));
  head_ = head;  // taken back by the caller when the transaction fails
  return {};
}

Status SqliteStore::Create(manifest::SealMode mode, const std::vector<Record>& records) {
  const std::lock_guard lock(mutex_);
  if (found_ != Found::kNothing) return Precondition("there is state already");
  const SecretBytes data_key = entropy_.TakeSecret(kKeyBytes);
  Bytes sealed_key;
  std::unique_ptr<Database> memory;
  if (mode == manifest::SealMode::kDisabled) {
    ASSIGN_OR_RETURN(memory, Database::OpenMemory());
    std::swap(database_, memory);
  } else {
    ASSIGN_OR_RETURN(const SecretBytes wrapping_key, WrappingKey(mode));
    ASSIGN_OR_RETURN(sealed_key, crypto::SealBox(wrapping_key.Reveal(), AsBytes(kDataKeyContext),
                                                 data_key.Reveal(), entropy_));
  }
  RETURN_IF_ERROR(UseDataKey(data_key));
  const Status status = database_->Transact([&]() -> Status {
    RETURN_IF_ERROR(database_->Execute(kSchema));
    RETURN_IF_ERROR(database_->Execute(
        fmt::format("PRAGMA application_id={}; PRAGMA user_version={};", kApplicationId, kFormat)
            .c_str()));
    RETURN_IF_ERROR(PrepareStatements());
    RETURN_IF_ERROR(PutMeta(kModeName, AsBytes(ModeText(mode))));
    RETURN_IF_ERROR(PutMeta(kSealedKeyName, sealed_key));
    return WriteLocked(records);
  });
  if (status.has_value()) {
    found_ = Found::kState;
  } else {
    statements_.reset();
    keys_.reset();
    head_ = {};
    if (memory) std::swap(database_, memory);
  }
  return status;
}

Status SqliteStore::Write(const std::vector<Record>& records) {
  const std::lock_guard lock(mutex_);
  if (found_ != Found::kState) return Precondition("there is no state to write to");
  const Head before = head_;
  const Status status = database_->Transact([&] { return WriteLocked(records); });
  if (!status.has_value()) head_ = before;
  return status;
}

Result<std::vector<Record>> SqliteStore::Read(std::string_view prefix, std::string_view from,
                                              std::size_t limit) {
  const std::lock_guard lock(mutex_);
  if (found_ != Found::kState) return Precondition("there is no state to read");
  ASSIGN_OR_RETURN(Statement range,
                   database_->Prepare("SELECT name, version, box FROM records WHERE name >= ?1 "
                                      "ORDER BY name LIMIT ?2"));
  std::vector<Record> out;
  const Status status =
      range.Bind(1, AsBytes(std::max(prefix, from)))
          .Bind(2, static_cast<std::int64_t>(limit))
          .Rows([&](const Statement& row) -> Status {
            const ByteView name = row.Blob(0);
            if (!AsText(name).starts_with(prefix)) return {};
            auto value =
                crypto::OpenBox(keys_->records.Reveal(),
                                RecordContext(kRecordContext, name, row.Int(1)), row.Blob(2));
            if (!value.has_value())
              return Damaged(fmt::format("record \"{}\" does not open", AsText(name)));
            out.push_back({ToText(name), std::move(*value)});
            return {};
          });
  if (!status.has_value()) return std::unexpected(status.error());
  return out;
}

}  // namespace strongroom::coordinator
