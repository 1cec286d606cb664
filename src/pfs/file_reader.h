#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pfs/metadata.h"
#include "pfs/node_cipher.h"
#include "pfs/node_reader.h"
#include "pfs/parallel.h"
#include "pfs/storage.h"

namespace strongroom::pfs {

// The plaintext of one protected file. Opening checks, in Gramine's order: the size is a multiple
// of 4096, magic, version, the metadata under the key, the path, and then that all nodes are there
// and the root of the hash tree. Every other node is verified when it is read. Nodes behind the
// last one are ignored, as Gramine does, and counted. What no reader of this format can see: that
// the whole file is an older, once genuine state of itself.
class FileReader {
 public:
  // With `expected_path`, the embedded path must equal it byte for byte once it is normalized
  // (path.h). `source` is borrowed for life. Fails with a finding (finding.h) when the file is to
  // blame.
  static Result<FileReader> Open(const Source& source, const WrapKey& key,
                                 std::optional<std::string_view> expected_path = std::nullopt);

  std::uint64_t size() const { return file_->metadata.size; }
  const std::string& path() const { return file_->metadata.path; }
  const Header& header() const { return file_->header; }
  const Geometry& geometry() const { return file_->geometry; }
  std::uint64_t surplus_nodes() const {
    return file_->host_size / kNodeSize - file_->geometry.nodes();
  }

  // Any part, in any order, for one thread at a time; small reads one after another cost one
  // decryption a node. kMalformed beyond the end. After any failure `out` is zeros.
  Status Read(std::uint64_t offset, std::span<std::uint8_t> out);

  // All of it, decrypted in place by some threads: `out` has size() bytes exactly. After any
  // failure `out` is zeros.
  Status ReadAll(std::span<std::uint8_t> out, const BulkOptions& options = {}) const;

  // All of it, to a sink that takes writes from many threads. Needs under a megabyte a thread.
  // After a failure the sink holds verified parts only, and is to be thrown away.
  Status CopyTo(Sink& sink, const BulkOptions& options = {}) const;

 private:
  explicit FileReader(std::unique_ptr<const OpenedFile> file);
  Status ReadPart(std::uint64_t offset, std::span<std::uint8_t> out);
  Status ReadInsideNode(std::uint64_t d, std::size_t skip, std::span<std::uint8_t> out);

  std::unique_ptr<const OpenedFile> file_;
  std::unique_ptr<NodeReader> nodes_;
  SecretBytes node_;  // the plaintext of data node `node_number_`, for reads that want a part of it
  std::optional<std::uint64_t> node_number_;
};

}  // namespace strongroom::pfs
