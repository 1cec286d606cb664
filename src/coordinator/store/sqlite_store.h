#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "base/entropy.h"
#include "coordinator/core/ports.h"
#include "coordinator/store/database.h"

namespace strongroom::coordinator {

// State in one SQLite file, `folder`/state.db. Each record is sealed under a key of its own use,
// derived from a data key that is itself sealed by the TEE's key; its name and version are
// authenticated with it. A keyed digest over the whole set of records is sealed along with every
// change, so that single records cannot be removed, exchanged or put back. What is not noticed is
// an older copy of everything: that needs a counter which the host does not own. Layout in
// docs/formats/state.md.
class SqliteStore final : public Store {
 public:
  // Opens or creates the file and checks all of it. `sealer` and `entropy` are borrowed for life.
  // kUntrusted: damaged or changed outside; kUnsupported: written by a later version; kConflict: in
  // use by another process; kDenied, kExhausted: the disk. After any failure the file is as it was.
  static Result<std::unique_ptr<SqliteStore>> Open(const std::filesystem::path& folder,
                                                   Sealer& sealer, Entropy& entropy);

  Found found() const override { return found_; }
  Status Create(manifest::SealMode mode, const std::vector<Record>& records) override;
  Status Write(const std::vector<Record>& records) override;
  Result<std::vector<Record>> Read(std::string_view prefix, std::string_view from,
                                   std::size_t limit) override;

 private:
  // The set of all records: what is sealed with each change.
  struct Head {
    std::uint64_t generation = 0;
    std::uint64_t count = 0;
    std::array<std::uint8_t, 32> sum{};  // exclusive or of the keyed digests of all records

    bool operator==(const Head&) const = default;
  };
  struct Keys {
    SecretBytes records;
    SecretBytes set;
  };

  // Those of every write, prepared once.
  struct Statements {
    Statement get;
    Statement put;
    Statement put_meta;
  };

  SqliteStore(std::unique_ptr<Database> database, Sealer& sealer, Entropy& entropy)
      : database_(std::move(database)), sealer_(sealer), entropy_(entropy) {}

  Status Inspect();
  Status OpenState();
  Status CheckSet() const;
  Status Put(const Record& record, Head& head);
  Status PutMeta(std::string_view name, ByteView value);
  Result<Bytes> GetMeta(std::string_view name) const;
  Status PutHead(const Head& head);
  Result<SecretBytes> WrappingKey(manifest::SealMode mode) const;
  Status UseDataKey(const SecretBytes& data_key);
  Status PrepareStatements();
  void Add(ByteView name, std::int64_t version, ByteView box, Head& head) const;
  Status WriteLocked(const std::vector<Record>& records);

  mutable std::mutex mutex_;  // the connection serves one thread at a time
  std::unique_ptr<Database> database_;
  Sealer& sealer_;
  Entropy& entropy_;
  Found found_ = Found::kNothing;
  std::optional<Keys> keys_;              // there once state is open
  std::optional<Statements> statements_;  // likewise; before the database goes
  Head head_;
};

}  // namespace strongroom::coordinator
