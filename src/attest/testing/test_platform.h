#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "attest/anchors.h"
#include "attest/claims.h"
#include "attest/endorsements.h"
#include "crypto/key.h"
#include "crypto/x509.h"

namespace strongroom::attest::testing {

// A platform of our own with a PKI in Intel's formats, for what no public evidence shows: every
// part of it can be made wrong, and stays correctly signed. (sim makes platforms that behave; this
// makes ones that lie.)

struct LevelSpec {
  std::uint8_t svn = 10;  // of all sixteen components
  std::uint16_t pce_svn = 10;
  std::string status = "UpToDate";
  std::string date = "2025-01-01T00:00:00Z";
  std::vector<std::string> advisories = {};
};

struct QeLevelSpec {
  std::uint16_t isv_svn = 8;
  std::string status = "UpToDate";
  std::string date = "2025-01-01T00:00:00Z";
};

struct Recipe {
  UnixSeconds now{1'780'000'000};

  // What the PCK certificate says.
  std::array<std::uint8_t, 16> components{};  // set by the constructor: ten each
  std::uint16_t pce_svn = 10;
  Bytes pce_id = {0, 0};
  Bytes fmspc = {0, 0x60, 0x6a, 0, 0, 0};
  Bytes sgx_extension = {};  // when not empty: instead of the one made from the above
  std::string leaf_cn = "Intel SGX PCK Certificate";
  std::string ca_cn = "Intel SGX PCK Platform CA";
  bool leaf_is_ca = false;
  bool leaf_key_ids = true;
  std::uint16_t ca_key_usage = crypto::kKeyCertSign | crypto::kCrlSign;
  std::int64_t leaf_starts = -1000;  // relative to now
  std::int64_t leaf_ends = 1'000'000;

  // Documents.
  std::string tcb_pce_id = "0000";
  std::string tcb_fmspc = "00606A000000";
  std::vector<LevelSpec> levels = {LevelSpec{}};
  std::vector<QeLevelSpec> qe_levels = {QeLevelSpec{}};
  std::uint32_t tcb_evaluation_number = 19;
  std::uint32_t qe_evaluation_number = 19;
  std::string tcb_info_body = {};  // when not empty: signed instead of the one made from the above
  std::string qe_identity_body = {};
  std::int64_t documents_issued = -100;
  std::int64_t documents_end = 1'000;

  // Lists.
  bool revoke_leaf = false;
  bool revoke_ca = false;
  bool revoke_tcb_signing = false;
  std::int64_t lists_issued = -100;
  std::int64_t lists_end = 1'000;

  // The quote.
  SgxReportBody body;  // set by the constructor: a production enclave
  SgxReportBody
      qe_report;  // set by the constructor: fits the QE identity; report data is filled in
  Bytes authentication_data = Bytes(32, 0x5a);

  Recipe();
};

// Fresh keys of every role.
struct Keys {
  crypto::PrivateKey root;
  crypto::PrivateKey ca;
  crypto::PrivateKey leaf;
  crypto::PrivateKey tcb_signing;
  crypto::PrivateKey attestation;

  static Result<Keys> Generate();
};
// The same for all tests of a program.
const Keys& TestKeys();

struct Made {
  Bytes quote;
  Endorsements endorsements;
  TrustAnchors anchors;
  UnixSeconds now{};
  std::string pck_chain;  // PEM, as in the quote
};

Result<Made> Make(const Recipe& recipe, const Keys& keys);

// {"<name>":<body>,"signature":"…"} by `key`.
Result<std::string> SignDocument(std::string_view name, std::string_view body,
                                 const crypto::PrivateKey& key);
std::string TcbInfoBody(const Recipe& recipe);
std::string QeIdentityBody(const Recipe& recipe);
// The SGX extension with all seven elements.
Bytes SgxExtension(const Recipe& recipe);

}  // namespace strongroom::attest::testing
