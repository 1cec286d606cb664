#include "coordinator/store/sqlite_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/reader.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/sealed_box.h"

namespace strongroom::coordinator {
namespace {

constexpr std::int64_t kApplicationId = 0x5374526d;  // "StRm"
constexpr std::int64_t kFormat = 2;
constexpr std::size_t kKeyBytes = 32;

constexpr std::string_view kRecordContext = "strongroom state record v1";
constexpr std::string_view kEntryContext = "strongroom state log entry v1";
constexpr std::string_view kSetContext = "strongroom state set v1";
constexpr std::string_view kLogSetContext = "strongroom state log set v1";
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
CREATE TABLE log(number INTEGER PRIMARY KEY, box BLOB NOT NULL) STRICT;
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

Bytes EntryContext(std::string_view use, std::int64_t number) {
  Writer w;
  w.Prefixed32Le(use).U64Le(static_cast<std::uint64_t>(number));
  return std::move(w).Finish();
}

// Puts a digest into a sum, or takes it out again.
void Mix(const std::array<std::uint8_t, 32>& digest, std::array<std::uint8_t, 32>& sum) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] ^= digest[i];
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

Store::Found SqliteStore::found() const {
  const std::lock_guard lock(mutex_);
  return found_;
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

SqliteStore::Digest SqliteStore::DigestOf(ByteView context, ByteView box) const {
  const Bytes message = Concat({context, crypto::Sha256(box).view()});
  return crypto::HmacSha256(keys_->set.Reveal(), message).array();
}

SqliteStore::Digest SqliteStore::RecordDigest(ByteView name, std::int64_t version,
                                              ByteView box) const {
  return DigestOf(RecordContext(kSetContext, name, version), box);
}

SqliteStore::Digest SqliteStore::EntryDigest(std::int64_t number, ByteView box) const {
  return DigestOf(EntryContext(kLogSetContext, number), box);
}

Status SqliteStore::CheckSet() {
  Head seen{.generation = head_.generation};
  HeldRecords held;
  ASSIGN_OR_RETURN(Statement all, database_->Prepare("SELECT name, version, box FROM records"));
  RETURN_IF_ERROR(all.Rows([&](const Statement& row) -> Status {
    const std::int64_t version = row.Int(1);
    const Digest digest = RecordDigest(row.Blob(0), version, row.Blob(2));
    Mix(digest, seen.sum);
    ++seen.count;
    held.emplace(ToText(row.Blob(0)), Held{version, digest});
    return {};
  }));
  ASSIGN_OR_RETURN(Statement log, database_->Prepare("SELECT number, box FROM log"));
  RETURN_IF_ERROR(log.Rows([&](const Statement& row) -> Status {
    Mix(EntryDigest(row.Int(0), row.Blob(1)), seen.sum);
    ++seen.count;
    return {};
  }));
  if (!(seen == head_))
    return Damaged(fmt::format("found {} records and log entries that are not the {} last written",
                               seen.count, head_.count));
  held_ = std::move(held);
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
  ASSIGN_OR_RETURN(Statement append,
                   database_->Prepare("INSERT INTO log(number, box) VALUES(?1, ?2)"));
  ASSIGN_OR_RETURN(Statement put,
                   database_->Prepare("INSERT INTO records(name, version, box) VALUES(?1, ?2, ?3) "
                                      "ON CONFLICT DO UPDATE SET version = ?2, box = ?3"));
  ASSIGN_OR_RETURN(Statement put_meta,
                   database_->Prepare("INSERT INTO meta(name, value) VALUES(?1, ?2) "
                                      "ON CONFLICT DO UPDATE SET value = ?2"));
  statements_.emplace(std::move(append), std::move(put), std::move(put_meta));
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

// Replaces or adds one record. What it replaces is what memory says, not what the disk does.
Status SqliteStore::Put(const Record& record, Change& change) {
  const ByteView name = AsBytes(record.name);
  auto before = change.held.find(record.name);
  if (before == change.held.end()) {
    if (const auto held = held_.find(record.name); held != held_.end())
      before = change.held.insert(*held).first;
  }
  const bool replaces = before != change.held.end();
  const std::int64_t version = (replaces ? before->second.version : 0) + 1;
  ASSIGN_OR_RETURN(const Bytes box, crypto::SealBox(keys_->records.Reveal(),
                                                    RecordContext(kRecordContext, name, version),
                                                    record.value.Reveal(), entropy_));
  const Digest digest = RecordDigest(name, version, box);
  if (replaces) Mix(before->second.digest, change.head.sum);
  Mix(digest, change.head.sum);
  change.head.count += replaces ? 0 : 1;
  change.held.insert_or_assign(record.name, Held{version, digest});
  return In(fmt::format("record \"{}\"", record.name),
            statements_->put.Bind(1, name).Bind(2, version).Bind(3, box).Run());
}

Status SqliteStore::Append(const LogEntry& entry, Head& head) {
  const auto number = static_cast<std::int64_t>(entry.number);
  ASSIGN_OR_RETURN(const Bytes box,
                   crypto::SealBox(keys_->records.Reveal(), EntryContext(kEntryContext, number),
                                   entry.value.Reveal(), entropy_));
  Mix(EntryDigest(number, box), head.sum);
  ++head.count;
  return In(fmt::format("log entry {}", entry.number),
            statements_->append.Bind(1, number).Bind(2, box).Run());
}

Status SqliteStore::Apply(const StateChange& what, Change& change) {
  change.head = head_;
  ++change.head.generation;
  for (const Record& record : what.records) RETURN_IF_ERROR(Put(record, change));
  for (const LogEntry& entry : what.entries) RETURN_IF_ERROR(Append(entry, change.head));
  return PutHead(change.head);
}

void SqliteStore::TakeOver(Change change) {
  head_ = change.head;
  for (auto& [name, held] : change.held) held_.insert_or_assign(name, held);
}

Status SqliteStore::Create(manifest::SealMode mode, const StateChange& first) {
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
  Change change;
  const Status status = database_->Transact([&]() -> Status {
    RETURN_IF_ERROR(database_->Execute(kSchema));
    RETURN_IF_ERROR(database_->Execute(
        fmt::format("PRAGMA application_id={}; PRAGMA user_version={};", kApplicationId, kFormat)
            .c_str()));
    RETURN_IF_ERROR(PrepareStatements());
    RETURN_IF_ERROR(PutMeta(kModeName, AsBytes(ModeText(mode))));
    RETURN_IF_ERROR(PutMeta(kSealedKeyName, sealed_key));
    return Apply(first, change);
  });
  if (status.has_value()) {
    TakeOver(std::move(change));
    found_ = Found::kState;
  } else {
    statements_.reset();
    keys_.reset();
    if (memory) std::swap(database_, memory);
  }
  return status;
}

Status SqliteStore::Write(const StateChange& what) {
  const std::lock_guard lock(mutex_);
  if (found_ != Found::kState) return Precondition("there is no state to write to");
  Change change;
  RETURN_IF_ERROR(database_->Transact([&] { return Apply(what, change); }));
  TakeOver(std::move(change));
  return {};
}

// A record of the disk that is the last of its name.
Result<Record> SqliteStore::OpenRow(const Statement& row) const {
  const ByteView name = row.Blob(0);
  const std::int64_t version = row.Int(1);
  const auto held = held_.find(AsText(name));
  const bool is_last = held != held_.end() && version == held->second.version &&
                       RecordDigest(name, version, row.Blob(2)) == held->second.digest;
  if (!is_last)
    return Damaged(fmt::format("record \"{}\" is not the one that was written last", AsText(name)));
  auto value = crypto::OpenBox(keys_->records.Reveal(),
                               RecordContext(kRecordContext, name, version), row.Blob(2));
  if (!value.has_value()) return Damaged(fmt::format("record \"{}\" does not open", AsText(name)));
  return Record{ToText(name), std::move(*value)};
}

// That none of those which must be there was left out: all of the range, or all up to the last one
// where `limit` ended it.
Status SqliteStore::ExpectAllHeld(const std::vector<Record>& found, std::string_view prefix,
                                  std::string_view from, std::size_t limit) const {
  auto next = found.begin();
  for (auto held = held_.lower_bound(std::max(prefix, from));
       held != held_.end() && held->first.starts_with(prefix); ++held) {
    if (found.size() == limit && (limit == 0 || held->first > found.back().name)) return {};
    next = std::find_if(next, found.end(),
                        [&](const Record& record) { return record.name == held->first; });
    if (next == found.end())
      return Damaged(fmt::format("record \"{}\" is not there any more", held->first));
  }
  return {};
}

Result<std::vector<Record>> SqliteStore::Read(std::string_view prefix, std::string_view from,
                                              std::size_t limit) {
  const std::lock_guard lock(mutex_);
  if (found_ != Found::kState) return Precondition("there is no state to read");
  ASSIGN_OR_RETURN(Statement range,
                   database_->Prepare("SELECT name, version, box FROM records WHERE name >= ?1 "
                                      "ORDER BY name LIMIT ?2"));
  std::vector<Record> out;
  RETURN_IF_ERROR(range.Bind(1, AsBytes(std::max(prefix, from)))
                      .Bind(2, static_cast<std::int64_t>(limit))
                      .Rows([&](const Statement& row) -> Status {
                        if (!AsText(row.Blob(0)).starts_with(prefix)) return {};
                        ASSIGN_OR_RETURN(Record record, OpenRow(row));
                        out.push_back(std::move(record));
                        return {};
                      }));
  RETURN_IF_ERROR(ExpectAllHeld(out, prefix, from, limit));
  return out;
}

Result<std::vector<LogEntry>> SqliteStore::ReadLog(std::uint64_t from, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  if (found_ != Found::kState) return Precondition("there is no state to read");
  if (from > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return std::vector<LogEntry>();
  ASSIGN_OR_RETURN(Statement range, database_->Prepare("SELECT number, box FROM log WHERE number "
                                                       ">= ?1 ORDER BY number LIMIT ?2"));
  std::vector<LogEntry> out;
  RETURN_IF_ERROR(range.Bind(1, static_cast<std::int64_t>(from))
                      .Bind(2, static_cast<std::int64_t>(limit))
                      .Rows([&](const Statement& row) -> Status {
                        const std::int64_t number = row.Int(0);
                        auto value =
                            crypto::OpenBox(keys_->records.Reveal(),
                                            EntryContext(kEntryContext, number), row.Blob(1));
                        if (!value.has_value())
                          return Damaged(fmt::format("log entry {} does not open", number));
                        out.push_back({static_cast<std::uint64_t>(number), std::move(*value)});
                        return {};
                      }));
  return out;
}

}  // namespace strongroom::coordinator
