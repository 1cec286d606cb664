#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/entropy.h"
#include "pfs/atomic_file.h"
#include "pfs/metadata.h"
#include "pfs/node_cipher.h"
#include "pfs/parallel.h"

namespace strongroom::pfs {

// Whole files and folder trees, from names to names. What comes out appears complete or not at all,
// also when the machine crashes: files and folders are on the disk before they get their name.
struct CryptOptions {
  // Encrypting: what is embedded, of a tree the prefix of what is embedded; the base name of the
  // input when empty. Decrypting: what the files must have been encrypted as; not compared when
  // empty.
  std::string as = {};
  Format format = Format::kGramine2;  // encrypting only
  Existing existing = Existing::kReplace;
  BulkOptions bulk = {};

  // Called once before anything is written, with what the input's files hold together.
  std::function<void(std::uint64_t files, std::uint64_t bytes)> on_start = {};
};

struct CryptReport {
  std::uint64_t files = 0;
  std::uint64_t plaintext_bytes = 0;
  std::string path;  // embedded in the one file, or the prefix of a tree's
};

// `in` is a regular file or a folder; symbolic links below it, devices, pipes and sockets are
// kUnsupported, and nothing is written then. A file replaces a regular file atomically. A tree
// wants `out` absent or an empty folder, else kConflict; it is built under a hidden name beside
// `out`. Ciphertext is made with mode 0644, plaintext with 0600, folders with 0755 and 0700. Errors
// name the file. Decrypting fails with a finding (finding.h) when a file is to blame.
Result<CryptReport> Encrypt(const std::string& in, const std::string& out, const WrapKey& key,
                            Entropy& entropy, const CryptOptions& options);
Result<CryptReport> Decrypt(const std::string& in, const std::string& out, const WrapKey& key,
                            const CryptOptions& options);

}  // namespace strongroom::pfs
