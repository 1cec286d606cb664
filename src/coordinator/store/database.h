#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

// SQLite behind values and errors of ours. One thread at a time.
namespace strongroom::coordinator {

// A prepared statement. Reset by Run and Rows; parameters are numbered from 1.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& Bind(int index, ByteView blob);  // borrowed until the statement has run
  Statement& Bind(int index, std::int64_t value);

  // Runs a statement that gives no rows.
  Status Run();
  // Calls `row` for each row until it fails.
  Status Rows(const std::function<Status(const Statement& row)>& row);

  // Of the current row; the view is good until the next one.
  ByteView Blob(int column) const;
  std::int64_t Int(int column) const;

 private:
  friend class Database;
  Statement(sqlite3* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  Status status_;  // of the first Bind that failed
  sqlite3* database_;
  sqlite3_stmt* statement_;
};

// One connection that nobody shares: the file is locked for as long as it is open, and no shared
// memory is used (the index of the write-ahead log lives in the process, as LibOSes want it).
// Every failure is told apart: kExhausted a full disk or file size limit, kDenied a read-only disk
// or missing permission, kConflict another process has it open or a new row's
// name is taken, kUntrusted damaged content.
class Database {
 public:
  // Opens or creates `path` (mode 0600; its folder 0700) with a write-ahead log, every commit
  // synced.
  static Result<std::unique_ptr<Database>> OpenFile(const std::filesystem::path& path);
  static Result<std::unique_ptr<Database>> OpenMemory();
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Status Execute(const char* sql);
  Result<Statement> Prepare(std::string_view sql);
  Result<std::int64_t> QueryInt(std::string_view sql);
  Result<std::string> QueryText(std::string_view sql);

  // `work` inside one transaction: all of it, durably, or nothing.
  Status Transact(const std::function<Status()>& work);

 private:
  explicit Database(sqlite3* connection) : connection_(connection) {}
  static Result<std::unique_ptr<Database>> Open(const std::string& name);

  sqlite3* connection_;
  // Every commit runs these: parsing their text anew would cost as much as a small insert.
  std::optional<Statement> begin_;
  std::optional<Statement> commit_;
};

}  // namespace strongroom::coordinator
