#include "coordinator/store/sqlite_store.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <limits>

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/files.h"
#include "coordinator/core/testing/fakes.h"
#include "testing/result_matchers.h"

namespace strongroom::coordinator {
namespace {

namespace fs = std::filesystem;
using manifest::SealMode;
using strongroom::testing::Fails;
using testing::FakeSealer;

Record MakeRecord(const std::string& name, std::string_view value) {
  return {name, SecretBytes(AsBytes(value))};
}

StateChange Some(std::string_view value) {
  StateChange out;
  out.records.push_back(MakeRecord("manifest", value));
  out.records.push_back(MakeRecord("secret/a", "alpha"));
  out.records.push_back(MakeRecord("secret/b", ""));
  return out;
}

StateChange Entries(std::uint64_t first, std::uint64_t last) {
  StateChange out;
  for (std::uint64_t number = first; number <= last; ++number)
    out.entries.push_back({number, SecretBytes(AsBytes(fmt::format("entry {}", number)))});
  return out;
}

class SqliteStoreTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<SqliteStore>> Open() {
    return SqliteStore::Open(folder_.path() / "state", sealer_, entropy_);
  }
  fs::path File() const { return folder_.path() / "state" / "state.db"; }
  Status Create(SealMode mode = SealMode::kProductKey) {
    ASSIGN_OR_RETURN(const auto store, Open());
    return store->Create(mode, Some("first"));
  }
  static std::string Value(Store& store, const std::string& name) {
    const auto records = store.Read(name, name, 1);
    EXPECT_OK(records);
    return records->empty() ? "(none)" : ToText(records->front().value.Reveal());
  }
  Bytes Content() const {
    const auto bytes = ReadFile(File(), 64 << 20);
    EXPECT_OK(bytes);
    return *bytes;
  }
  // As quickly as a test of many contents wants it: nothing is waited for until it is on the disk.
  void Overwrite(ByteView content) const {
    std::ofstream file(File(), std::ios::binary | std::ios::trunc);
    file << AsText(content);
  }
  void Run(const std::string& sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(File().c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(database);
  }

  TemporaryFolder folder_ = *TemporaryFolder::Make("store-test");
  FakeSealer sealer_;
  SystemEntropy entropy_;
};

TEST_F(SqliteStoreTest, KeepsRecordsOverRestarts) {
  ASSERT_OK(Create());
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    EXPECT_EQ(store->found(), Store::Found::kState);
    EXPECT_EQ(Value(*store, "manifest"), "first");
    StateChange change;
    change.records.push_back(MakeRecord("manifest", "second"));
    change.records.push_back(MakeRecord("secret/c", "gamma"));
    change.records.push_back(MakeRecord("manifest", "third"));
    ASSERT_OK(store->Write(change));
  }
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_EQ(Value(*store, "manifest"), "third");
  EXPECT_EQ(Value(*store, "secret/b"), "");
  ASSERT_OK_AND_ASSIGN(const auto secrets, store->Read("secret/", "secret/b", 10));
  ASSERT_EQ(secrets.size(), 2U);
  EXPECT_EQ(secrets[1].name, "secret/c");
}

TEST_F(SqliteStoreTest, IsNewUntilCreatedAndOnlyOnce) {
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_EQ(store->found(), Store::Found::kNothing);
  EXPECT_THAT(store->Write(Some("x")), Fails(Code::kPrecondition, "no state"));
  EXPECT_THAT(store->Read("", "", 1), Fails(Code::kPrecondition, "no state"));
  EXPECT_THAT(store->ReadLog(1, 1), Fails(Code::kPrecondition, "no state"));
  ASSERT_OK(store->Create(SealMode::kUniqueKey, Some("first")));
  EXPECT_THAT(store->Create(SealMode::kUniqueKey, Some("x")),
              Fails(Code::kPrecondition, "already"));
}

TEST_F(SqliteStoreTest, KeepsNothingWhenSealingIsDisabled) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_OK(store->Create(SealMode::kDisabled, Some("first")));
    ASSERT_OK(store->Write(Some("second")));
    EXPECT_EQ(Value(*store, "manifest"), "second");
  }
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_EQ(store->found(), Store::Found::kNothing);
}

TEST_F(SqliteStoreTest, ShowsNoValueAndBelongsToItsOwner) {
  ASSERT_OK(Create());
  struct stat file{};
  ASSERT_EQ(stat(File().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
  const Bytes content = Content();
  EXPECT_NE(AsText(content).find("secret/a"), std::string_view::npos) << "names are not secret";
  EXPECT_EQ(AsText(content).find("alpha"), std::string_view::npos);
}

TEST_F(SqliteStoreTest, IsUsedByOneProcessAtATime) {
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_THAT(Open(), Fails(Code::kConflict, "another process has the state open"));
}

TEST_F(SqliteStoreTest, LeavesStateOfAnotherPlatformAsItIs) {
  ASSERT_OK(Create());
  const Bytes before = Content();
  {
    FakeSealer other(2);
    ASSERT_OK_AND_ASSIGN(const auto store,
                         SqliteStore::Open(folder_.path() / "state", other, entropy_));
    EXPECT_EQ(store->found(), Store::Found::kSealed);
    EXPECT_THAT(store->Create(SealMode::kProductKey, Some("x")),
                Fails(Code::kPrecondition, "already"));
    EXPECT_THAT(store->Write(Some("x")), Fails(Code::kPrecondition, ""));
  }
  EXPECT_EQ(Content(), before);
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_EQ(Value(*store, "manifest"), "first");
}

struct Tampering {
  const char* name;
  const char* sql;
};

class TamperedStoreTest : public SqliteStoreTest,
                          public ::testing::WithParamInterface<Tampering> {};

TEST_P(TamperedStoreTest, IsRefusedAndLeftAsItIs) {
  ASSERT_OK(Create());
  Run("ATTACH '" + (folder_.path() / "old.db").string() +
      "' AS old; CREATE TABLE old.records AS SELECT * FROM records;"
      "CREATE TABLE old.meta AS SELECT * FROM meta;");
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_OK(store->Write(Some("second")));
    ASSERT_OK(store->Write(Entries(1, 3)));
  }
  Run("ATTACH '" + (folder_.path() / "old.db").string() + "' AS old;" + GetParam().sql);
  const Bytes before = Content();
  EXPECT_THAT(Open(), Fails(Code::kUntrusted, "left as it is"));
  EXPECT_EQ(Content(), before);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, TamperedStoreTest,
    ::testing::Values(
        Tampering{"RecordRemoved",
                  "DELETE FROM main.records WHERE name = CAST('secret/a' AS BLOB);"},
        Tampering{"RecordPutBack",
                  "REPLACE INTO main.records SELECT * FROM old.records WHERE name = "
                  "CAST('manifest' AS BLOB);"},
        Tampering{"RecordsExchanged",
                  "UPDATE main.records SET box = (SELECT box FROM old.records WHERE name = "
                  "CAST('secret/b' AS BLOB)) "
                  "WHERE name = CAST('secret/a' AS BLOB);"},
        Tampering{"RecordRenamed",
                  "UPDATE main.records SET name = CAST('secret/x' AS BLOB) WHERE name = "
                  "CAST('secret/a' AS BLOB);"},
        Tampering{"RecordAdded",
                  "INSERT INTO main.records SELECT CAST('secret/y' AS BLOB), version, box FROM "
                  "main.records LIMIT 1;"},
        Tampering{"EntryRemoved", "DELETE FROM main.log WHERE number = 2;"},
        Tampering{"LastEntryRemoved", "DELETE FROM main.log WHERE number = 3;"},
        Tampering{"EntriesExchanged",
                  "UPDATE main.log SET box = (SELECT box FROM main.log WHERE number = 1) WHERE "
                  "number = 2;"},
        Tampering{"EntryNumberedAnew", "UPDATE main.log SET number = 7 WHERE number = 3;"},
        Tampering{"EntryAdded", "INSERT INTO main.log SELECT 4, box FROM main.log LIMIT 1;"},
        Tampering{"EntryMadeARecord",
                  "INSERT INTO main.records SELECT CAST('log' AS BLOB), number, box FROM main.log "
                  "WHERE number = 1; DELETE FROM main.log WHERE number = 1;"},
        Tampering{"VersionChanged", "UPDATE main.records SET version = version + 1;"},
        Tampering{
            "HeadPutBack",
            "REPLACE INTO main.meta SELECT * FROM old.meta WHERE name = CAST('head' AS BLOB);"},
        Tampering{"HeadRemoved", "DELETE FROM main.meta WHERE name = CAST('head' AS BLOB);"},
        Tampering{"KeyRemoved", "DELETE FROM main.meta WHERE name = CAST('sealed-key' AS BLOB);"},
        Tampering{"ModeChanged",
                  "UPDATE main.meta SET value = CAST('Nothing' AS BLOB) WHERE name = "
                  "CAST('seal-mode' AS BLOB);"},
        Tampering{"ForeignFile", "PRAGMA main.application_id = 5;"}),
    [](const auto& row) { return row.param.name; });

// The host changes the file behind a coordinator that has it open and has checked it.
class ChangedUnderneathTest : public SqliteStoreTest {
 protected:
  static constexpr std::size_t kMoreThanTheCache = 8 << 20;

  // A state with `changed` applied to it, open, and a file that lacks this change.
  void Prepare(const StateChange& changed) {
    {
      ASSERT_OK_AND_ASSIGN(const auto store, Open());
      StateChange first = Some("first");
      first.records.push_back(MakeRecord("large", std::string(kMoreThanTheCache, 'x')));
      // So that what is changed lies on other pages than what is read to push them out.
      for (int i = 0; i < 100; ++i)
        first.records.push_back(MakeRecord(fmt::format("m/{}", i), std::string(200, 'x')));
      ASSERT_OK(store->Create(SealMode::kProductKey, first));
    }
    const Bytes old = Content();
    {
      ASSERT_OK_AND_ASSIGN(const auto store, Open());
      ASSERT_OK(store->Write(changed));
    }
    ASSERT_OK_AND_ASSIGN(store_, Open());
    ASSERT_EQ(Value(*store_, "manifest"), "other");
    const UniqueFd fd(open(File().c_str(), O_WRONLY));
    ASSERT_EQ(pwrite(fd.get(), old.data(), old.size(), 0), static_cast<ssize_t>(old.size()));
    // Pages that SQLite holds are pushed out, so that the next read is from the disk.
    ASSERT_EQ(Value(*store_, "large").size(), kMoreThanTheCache);
  }

  std::unique_ptr<SqliteStore> store_;
};

TEST_F(ChangedUnderneathTest, AnOldRecordIsNotTakenForTheNewOne) {
  StateChange changed;
  changed.records.push_back(MakeRecord("manifest", "other"));
  Prepare(changed);
  EXPECT_THAT(store_->Read("manifest", "manifest", 1), Fails(Code::kUntrusted, "written last"));
  EXPECT_THAT(store_->Read("", "", 1000), Fails(Code::kUntrusted, "written last"));
}

TEST_F(ChangedUnderneathTest, ARecordThatIsGoneIsMissed) {
  StateChange changed;
  changed.records.push_back(MakeRecord("manifest", "other"));
  changed.records.push_back(MakeRecord("secret/c", "gamma"));
  Prepare(changed);
  EXPECT_THAT(store_->Read("secret/", "secret/", 10), Fails(Code::kUntrusted, "\"secret/c\""));
  EXPECT_THAT(store_->Read("secret/c", "secret/c", 1), Fails(Code::kUntrusted, "not there"));
  ASSERT_OK_AND_ASSIGN(const auto others, store_->Read("secret/", "secret/", 2));
  EXPECT_EQ(others.size(), 2U) << "the limit ends before it";
}

TEST_F(ChangedUnderneathTest, WhatIsWrittenThenReplacesWhatWasWrittenBefore) {
  StateChange changed;
  changed.records.push_back(MakeRecord("manifest", "other"));
  Prepare(changed);
  StateChange next;
  next.records.push_back(MakeRecord("manifest", "third"));
  ASSERT_OK(store_->Write(next));
  EXPECT_EQ(Value(*store_, "manifest"), "third");
  store_.reset();
  ASSERT_OK_AND_ASSIGN(store_, Open());
  EXPECT_EQ(Value(*store_, "manifest"), "third") << "the sum is of what was written";
}

TEST_F(SqliteStoreTest, KeepsALogBesideTheRecords) {
  ASSERT_OK(Create());
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_OK(store->Write(Entries(1, 2)));
    EXPECT_THAT(store->Write(Entries(2, 3)), Fails(Code::kConflict, "log entry 2"));
    ASSERT_OK(store->Write(Entries(3, 12)));
  }
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  ASSERT_OK_AND_ASSIGN(const auto some, store->ReadLog(9, 3));
  ASSERT_EQ(some.size(), 3U);
  EXPECT_EQ(some[0].number, 9U);
  EXPECT_EQ(ToText(some[1].value.Reveal()), "entry 10");
  for (const std::uint64_t beyond :
       {std::uint64_t{13}, std::numeric_limits<std::uint64_t>::max()}) {
    ASSERT_OK_AND_ASSIGN(const auto none, store->ReadLog(beyond, 3));
    EXPECT_TRUE(none.empty()) << beyond;
  }
  EXPECT_EQ(Value(*store, "manifest"), "first");
}

TEST_F(SqliteStoreTest, RefusesStateOfALaterVersion) {
  ASSERT_OK(Create());
  Run("PRAGMA user_version = 3");
  EXPECT_THAT(Open(), Fails(Code::kUnsupported, "format 3, wanted 2"));
}

TEST_F(SqliteStoreTest, RefusesTablesThatWereChanged) {
  ASSERT_OK(Create());
  Run("ALTER TABLE records RENAME COLUMN box TO bow");
  EXPECT_THAT(Open(), Fails(Code::kUntrusted, "left as it is: no such column"));
}

// A byte changed anywhere: refused, or opened with exactly what was written; never something else,
// and the file is not touched before the coordinator knows that it can read it. To open
// a database and check what it holds takes too long to do it for each byte: every 37th, which is
// another place in each page.
TEST_F(SqliteStoreTest, NeverReadsAnythingButWhatWasWritten) {
  ASSERT_OK(Create());
  const Bytes good = Content();
  int refused = 0, sealed = 0, same = 0;
  for (std::size_t offset = 0; offset < good.size(); offset += 37) {
    Bytes bad = good;
    bad[offset] ^= 0x40;
    fs::remove(fs::path(File()) += "-wal");
    Overwrite(bad);
    const auto store = Open();
    if (!store.has_value()) {
      EXPECT_THAT(store.error().code(),
                  ::testing::AnyOf(Code::kUntrusted, Code::kUnsupported, Code::kUnavailable))
          << offset << ": " << store.error().ToString();
      ++refused;
    } else if ((*store)->found() == Store::Found::kSealed) {
      ++sealed;  // the sealed key itself
    } else {
      ASSERT_EQ((*store)->found(), Store::Found::kState) << "state vanished, offset " << offset;
      ASSERT_EQ(Value(**store, "manifest"), "first") << offset;
      ASSERT_EQ(Value(**store, "secret/a"), "alpha") << offset;
      ++same;  // a byte that means nothing
    }
  }
  EXPECT_GT(refused, 5);
  EXPECT_GT(same, 5);
  EXPECT_LT(sealed, 10);
}

TEST_F(SqliteStoreTest, RefusesATruncatedFile) {
  ASSERT_OK(Create());
  {
    // The end of the last page would mean nothing otherwise.
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_OK(store->Write(Entries(1, 1)));
  }
  const Bytes good = Content();
  for (std::size_t cut = 1; cut < good.size(); cut += 37) {
    Overwrite(ByteView(good).first(good.size() - cut));
    ASSERT_THAT(Open(), Fails(Code::kUntrusted, "left as it is")) << "without " << cut << " bytes";
  }
}

// Runs `work` in a child, where limits of the process can be changed; true when it returned true.
bool InChild(const std::function<bool()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(SqliteStoreTest, SaysThatTheDiskIsFullAndGoesOnWhenItIsNotAnyMore) {
  ASSERT_OK(Create());
  EXPECT_TRUE(InChild([this] {
    std::signal(SIGXFSZ, SIG_IGN);
    const auto store = Open();
    if (!store.has_value()) return false;
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t all = limit.rlim_cur;
    limit.rlim_cur = 100'000;
    setrlimit(RLIMIT_FSIZE, &limit);
    const std::string large(300'000, 'x');
    StateChange change;
    change.records.push_back(MakeRecord("large", large));
    const Status refused = (*store)->Write(change);
    EXPECT_THAT(refused, Fails(Code::kExhausted, "full"));
    EXPECT_EQ(Value(**store, "manifest"), "first");
    limit.rlim_cur = all;
    setrlimit(RLIMIT_FSIZE, &limit);
    const Status written = (*store)->Write(change);
    EXPECT_OK(written);
    return !refused.has_value() && written.has_value() && !::testing::Test::HasFailure();
  }));
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_EQ(Value(*store, "large").size(), 300'000U);
  EXPECT_EQ(Value(*store, "manifest"), "first");
}

TEST_F(SqliteStoreTest, SaysThatTheDiskIsReadOnly) {
  ASSERT_OK(Create());
  const fs::path folder = folder_.path() / "state";
  const Bytes before = Content();
  if (geteuid() == 0) {
    // Root writes through permissions: a read-only mount it is, in a namespace of its own.
    EXPECT_TRUE(InChild([&] {
      if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
          mount("", folder.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) {
        fmt::print("skipped: read-only disk (this machine allows no mounts)\n");
        return true;
      }
      const auto store = Open();
      EXPECT_FALSE(store.has_value());
      EXPECT_THAT(store, Fails(Code::kDenied, "state.db")) << store.error().ToString();
      return !::testing::Test::HasFailure();
    }));
  } else {
    fs::permissions(File(), fs::perms::owner_read);
    EXPECT_THAT(Open(), Fails(Code::kDenied, "state.db"));
    fs::permissions(File(), fs::perms::owner_read | fs::perms::owner_write);
  }
  EXPECT_EQ(Content(), before);
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_EQ(Value(*store, "manifest"), "first");
}

}  // namespace
}  // namespace strongroom::coordinator
