#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attest/claims.h"
#include "attest/sgx/report_body.h"
#include "base/bytes.h"
#include "base/secret.h"
#include "coordinator/core/deployment.h"
#include "coordinator/core/pki.h"
#include "crypto/key.h"
#include "crypto/x509.h"
#include "manifest/manifest.h"

namespace strongroom::coordinator {

// At which stage an activation failed, as the finding of its error; evidence and permission have
// none. Dialects with a code for each stage tell them apart by it.
inline constexpr std::string_view kFindingState = "activation.state";
inline constexpr std::string_view kFindingUuid = "activation.uuid";
inline constexpr std::string_view kFindingGrant = "activation.grant";

// What a challenge ties an activation to. Ours only: MarbleRun's dialect has none.
struct ChallengeAnswer {
  std::uint64_t connection = 0;  // never reused while the coordinator runs
  Bytes nonce;
};

// A workload asks for its role. The front end has read it from its protocol and computed the report
// data from the connection it came on; everything else is decided here.
struct ActivationRequest {
  manifest::Dialect dialect = manifest::Dialect::kStrongroom;
  std::string marble;
  std::string uuid;
  Bytes quote;                               // a DCAP quote
  attest::ReportData report_data;            // what the quote must carry, all 64 bytes
  std::optional<ChallengeAnswer> challenge;  // ours: always; MarbleRun's: never
  std::optional<crypto::PublicKey> key;      // ours: gets certified; MarbleRun's: none, one is made
};

// A model that the marble may load.
struct ModelGrant {
  std::string name;
  SecretBytes key;
  std::string embedded_prefix;
  manifest::ByName<manifest::Sha256Digest> files;
  std::vector<Bytes> client_certificates;  // DER
};

// All that an activated workload gets. In MarbleRun's dialect the key of the certificate is made
// here and among it.
struct ActivationGrant {
  std::string uuid;
  manifest::MarbleTemplates::Output parameters;
  std::vector<std::string> argv;
  crypto::Certificate leaf;
  std::optional<crypto::PrivateKey> leaf_key;
  std::vector<ModelGrant> models;
  bool marblerun_style = false;
};

// Makes what a marble gets; its right to it was established before. Pure but for fresh keys: writes
// nothing, changes nothing. kPrecondition: a secret that it needs was not uploaded yet.
class GrantMaker {
 public:
  // All borrowed for the call of Make.
  GrantMaker(const Deployment& deployment, const SecretTable& secrets, const Hierarchy& authorities,
             UnixSeconds now)
      : deployment_(deployment), secrets_(secrets), authorities_(authorities), now_(now) {}

  // `claims` are what the workload proved; `uuid` is canonical.
  Result<ActivationGrant> Make(const ActivationRequest& request, const std::string& uuid,
                               const attest::VerifiedClaims& claims) const;

 private:
  Result<SecretTable> Values(const MarblePlan& plan, const MarbleInstance& instance) const;
  Result<std::vector<ModelGrant>> Models(const manifest::Marble& marble) const;

  const Deployment& deployment_;
  const SecretTable& secrets_;
  const Hierarchy& authorities_;
  UnixSeconds now_;
};

}  // namespace strongroom::coordinator
