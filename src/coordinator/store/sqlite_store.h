#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/entropy.h"
#include "coordinator/core/ports.h"
#include "coordinator/store/database.h"

namespace strongroom::coordinator {

// State in one SQLite file, `folder`/state.db. Each record is sealed under a key of its own use,
// derived from a data key that is itself sealed by the TEE's key; its name and version are
// authenticated with it, and so is an entry of the log with its number. A keyed digest over the
// whole set is sealed along with every change, so that nothing single can be removed, exchanged or
// put back between two runs. During a run the disk is not believed either: which version of each
// record is the last one stays in memory, and what is read is held against it. What is not noticed
// is an older copy of everything before a start: that needs a counter which the host does not own.
// Layout in docs/formats/state.md.
class SqliteStore final : public Store {
 public:
  // Opens or creates the file and checks all of it. `sealer` and `entropy` are borrowed for life.
  // kUntrusted: damaged or changed outside; kUnsupported: written by a later version; kConflict: in
  // use by another process; kDenied, kExhausted: the disk. After any failure the file is as it was.
  static Result<std::unique_ptr<SqliteStore>> Open(const std::filesystem::path& folder,
                                                   Sealer& sealer, Entropy& entropy);

  Found found() const override;
  Status Create(manifest::SealMode mode, const StateChange& first) override;
  Status Write(const StateChange& what) override;
  Result<std::vector<Record>> Read(std::string_view prefix, std::string_view from,
                                   std::size_t limit) override;
  Result<std::vector<LogEntry>> ReadLog(std::uint64_t from, std::size_t limit) override;

 private:
  // Keyed, of a record's name, version and box, or of a log entry's number and box.
  using Digest = std::array<std::uint8_t, 32>;

  // The set of all records and entries: what is sealed with each change.
  struct Head {
    std::uint64_t generation = 0;
    std::uint64_t count = 0;
    Digest sum{};  // exclusive or of the digests of all

    bool operator==(const Head&) const = default;
  };
  // A record as it was checked at the start or written last.
  struct Held {
    std::int64_t version = 0;
    Digest digest{};
  };
  using HeldRecords = std::map<std::string, Held, std::less<>>;
  // What a transaction changes, taken over when it is durable.
  struct Change {
    Head head;
    HeldRecords held;
  };
  struct Keys {
    SecretBytes records;
    SecretBytes set;
  };

  // Those of every write, prepared once.
  struct Statements {
    Statement append;
    Statement put;
    Statement put_meta;
  };

  SqliteStore(std::unique_ptr<Database> database, Sealer& sealer, Entropy& entropy)
      : database_(std::move(database)), sealer_(sealer), entropy_(entropy) {}

  Status Inspect();
  Status OpenState();
  Status CheckSet();
  Status Put(const Record& record, Change& change);
  Status Append(const LogEntry& entry, Head& head);
  Status PutMeta(std::string_view name, ByteView value);
  Result<Bytes> GetMeta(std::string_view name) const;
  Status PutHead(const Head& head);
  Result<SecretBytes> WrappingKey(manifest::SealMode mode) const;
  Status UseDataKey(const SecretBytes& data_key);
  Status PrepareStatements();
  Digest DigestOf(ByteView context, ByteView box) const;
  Digest RecordDigest(ByteView name, std::int64_t version, ByteView box) const;
  Digest EntryDigest(std::int64_t number, ByteView box) const;
  Status Apply(const StateChange& what, Change& change);
  void TakeOver(Change change);
  Result<Record> OpenRow(const Statement& row) const;
  Status ExpectAllHeld(const std::vector<Record>& found, std::string_view prefix,
                       std::string_view from, std::size_t limit) const;

  mutable std::mutex mutex_;  // the connection serves one thread at a time
  std::unique_ptr<Database> database_;
  Sealer& sealer_;
  Entropy& entropy_;
  Found found_ = Found::kNothing;
  std::optional<Keys> keys_;              // there once state is open
  std::optional<Statements> statements_;  // likewise; before the database goes
  Head head_;
  HeldRecords held_;  // all of them
};

}  // namespace strongroom::coordinator
