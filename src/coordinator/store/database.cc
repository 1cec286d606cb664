#include "coordinator/store/database.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/files.h"

namespace strongroom::coordinator {
namespace {

bool IsFull(int system_error) {
  return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
}

// What the last failed call on this connection means for the caller.
std::unexpected<Error> Failure(sqlite3* connection, int code) {
  const int system_error = connection != nullptr ? sqlite3_system_errno(connection) : 0;
  const std::string text = fmt::format(
      "{} ({})", connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code),
      connection != nullptr ? sqlite3_extended_errcode(connection) : code);
  switch (code & 0xff) {
    case SQLITE_FULL: return Exhausted("the disk with the state is full: " + text);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return Denied("the state may not be written: " + text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Conflict("another process has the state open: " + text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Untrusted("the state database is damaged; it was left as it is: " + text);
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      // A file size limit; the number of the system's error does not always survive.
      if (sqlite3_extended_errcode(connection) == SQLITE_IOERR_WRITE)
        return Exhausted("the state cannot be written: full disk, size limit or failing disk: " +
                         text);
      if (IsFull(system_error)) return Exhausted("the disk with the state is full: " + text);
      if (system_error == EROFS || system_error == EACCES || system_error == EPERM)
        return Denied("the state may not be written: " + text);
      return Unavailable("the state cannot be read or written: " + text);
    case SQLITE_CONSTRAINT: return Conflict("the name is taken: " + text);
    case SQLITE_TOOBIG: return Exhausted("a record is too large: " + text);
    default: return Internal("state database: " + text);
  }
}

// SQLite would create the file with the mode of the umask.
Status EnsureFile(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid() && errno == EROFS)
    return Denied(path.string() + ": the disk is read-only, wanted one to keep state on");
  if (!fd.valid()) return FromErrno(errno, path.string());
  return {};
}

Status EnsureFolder(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return {};
  std::filesystem::create_directories(folder, error);
  if (error) return FromErrno(error.value(), folder.string());
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) return FromErrno(error.value(), folder.string());
  return {};
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : status_(std::move(other.status_)),
      database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::Bind(int index, ByteView blob) {
  // A null pointer would bind NULL, not an empty blob.
  static constexpr std::uint8_t nothing = 0;
  const int code = sqlite3_bind_blob64(statement_, index, blob.empty() ? &nothing : blob.data(),
                                       blob.size(), SQLITE_STATIC);
  if (code != SQLITE_OK && status_.has_value()) status_ = Failure(database_, code);
  return *this;
}

Statement& Statement::Bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_, index, value);
  if (code != SQLITE_OK && status_.has_value()) status_ = Failure(database_, code);
  return *this;
}

Status Statement::Run() {
  return Rows([](const Statement&) -> Status { return Internal("unexpected row"); });
}

Status Statement::Rows(const std::function<Status(const Statement& row)>& row) {
  Status result = std::exchange(status_, {});
  while (result.has_value()) {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_DONE) break;
    result = code == SQLITE_ROW ? row(*this) : Failure(database_, code);
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  return result;
}

ByteView Statement::Blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(size)};
}

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

Database::~Database() {
  begin_.reset();
  commit_.reset();
  sqlite3_close_v2(connection_);
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& name) {
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(
      name.c_str(), &connection,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
      nullptr);
  std::unique_ptr<Database> out(new Database(connection));
  if (code != SQLITE_OK) return Failure(connection, code);
  RETURN_IF_ERROR(
      out->Execute("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; "
                   "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"));
  ASSIGN_OR_RETURN(Statement begin, out->Prepare("BEGIN IMMEDIATE"));
  ASSIGN_OR_RETURN(Statement commit, out->Prepare("COMMIT"));
  out->begin_.emplace(std::move(begin));
  out->commit_.emplace(std::move(commit));
  return out;
}

Result<std::unique_ptr<Database>> Database::OpenMemory() { return Open(":memory:"); }

Result<std::unique_ptr<Database>> Database::OpenFile(const std::filesystem::path& path) {
  RETURN_IF_ERROR(EnsureFolder(path.parent_path()));
  RETURN_IF_ERROR(EnsureFile(path));
  ASSIGN_OR_RETURN(std::unique_ptr<Database> out, Open(path.string()));
  // Exclusive before the first access of the log: then no shared memory is used for its index.
  RETURN_IF_ERROR(out->Execute("PRAGMA locking_mode=EXCLUSIVE;"));
  ASSIGN_OR_RETURN(const std::string mode, out->QueryText("PRAGMA journal_mode=WAL"));
  if (mode != "wal") return Internal(fmt::format("journal mode is {}, wanted wal", mode));
  RETURN_IF_ERROR(out->Execute("PRAGMA synchronous=FULL;"));
  // Takes the lock now, so that a second coordinator fails at its start.
  RETURN_IF_ERROR(out->Execute("BEGIN IMMEDIATE; COMMIT;"));
  return out;
}

Status Database::Execute(const char* sql) {
  const int code = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Failure(connection_, code);
  return {};
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  // Our statements fit our tables; where one names what is not there, the tables were changed.
  if (code == SQLITE_ERROR)
    return Untrusted(fmt::format("the state database is damaged; it was left as it is: {}",
                                 sqlite3_errmsg(connection_)));
  if (code != SQLITE_OK) return Failure(connection_, code);
  return Statement(connection_, statement);
}

Result<std::int64_t> Database::QueryInt(std::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  std::int64_t out = 0;
  RETURN_IF_ERROR(statement.Rows([&out](const Statement& row) -> Status {
    out = row.Int(0);
    return {};
  }));
  return out;
}

Result<std::string> Database::QueryText(std::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  std::string out;
  RETURN_IF_ERROR(statement.Rows([&out](const Statement& row) -> Status {
    out = ToText(row.Blob(0));
    return {};
  }));
  return out;
}

Status Database::Transact(const std::function<Status()>& work) {
  RETURN_IF_ERROR(begin_->Run());
  Status result = work();
  if (result.has_value()) result = commit_->Run();
  // After some failures SQLite has rolled back by itself; then this fails and changes nothing.
  if (!result.has_value() && sqlite3_get_autocommit(connection_) == 0)
    static_cast<void>(Execute("ROLLBACK"));
  return result;
}

}  // namespace strongroom::coordinator
