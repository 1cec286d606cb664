#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/claims.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/coordinator_target.h"
#include "cli/identity.h"
#include "cli/pins.h"
#include "crypto/x509.h"
#include "net/client.h"

// The coordinator's REST interface (version 2), as its client sees it.
namespace strongroom::cli {

// What a coordinator proved about itself over a fresh nonce.
struct Proof {
  crypto::Certificate root;
  std::string intermediate_pem;  // empty before a manifest is set
  attest::VerifiedClaims claims;
};

// The manifest as the coordinator holds it.
struct HeldManifest {
  std::string text;         // byte for byte
  std::string fingerprint;  // hex SHA-256, computed here
};

class CoordinatorClient {
 public:
  // Talks only to the holder of `root`'s key.
  static CoordinatorClient Pinned(CoordinatorTarget target, const crypto::Certificate& root,
                                  std::shared_ptr<const net::Credentials> user = nullptr);

  // The data member of the answer. Statuses other than 200 become errors with the server's message:
  // 400 kMalformed, 401 kUntrusted, 403 kDenied, 404 kNotFound, 409 kConflict, 412 kPrecondition.
  Result<JsonDocument> Get(std::string_view path);
  Result<JsonDocument> Post(std::string_view path, const std::string& json);

  // kPrecondition when none is set; kUntrusted when the root did not sign it or the fingerprint
  // that the server names is not that of the text.
  Result<HeldManifest> GetManifest();

  // As people and pins call the coordinator.
  const std::string& name() const { return target_.name; }
  const crypto::Certificate& root() const { return root_; }

 private:
  CoordinatorClient(CoordinatorTarget target, crypto::Certificate root,
                    std::shared_ptr<const net::Credentials> user);
  CoordinatorTarget target_;
  crypto::Certificate root_;
  // unique_ptr: the client has a thread and does not move.
  std::unique_ptr<net::HttpsClient> client_;
};

// Asks for evidence over a fresh nonce and holds it against `identity`. The proof is about the very
// connection it came on: the root that the evidence names is the one that answered. Collateral
// comes from where the arguments say, in a simulated cluster without such a word from that cluster.
Result<Proof> ProveCoordinator(const CoordinatorTarget& target, const ExpectedIdentity& identity,
                               const Arguments& arguments);

// A client for the coordinator of the arguments (TargetOf) that this user verified: by the identity
// flags now, or by the pin of an earlier verification. kPrecondition, naming what to type, when
// there is neither. A verification saves the pin; a pinned coordinator whose root changed is
// refused.
Result<CoordinatorClient> OpenVerified(const Arguments& arguments,
                                       std::shared_ptr<const net::Credentials> user = nullptr);

// Flags of every command about a coordinator: which identity it must have, which cluster it is in.
std::vector<Flag> CoordinatorFlags();

// Remembers what a proof established (Pins::Remember); `manifest_sha256` is empty when the manifest
// was not looked at.
Status SavePin(const std::string& name, const Proof& proof, const std::string& manifest_sha256);

// --cert and --key as credentials; null when neither is given, kMalformed when only one is.
Result<std::shared_ptr<const net::Credentials>> UserCredentials(const Arguments& arguments);
std::vector<Flag> UserFlags(bool required);

// "host" or "host:port" with the port of the client API added; kMalformed for anything else.
Result<std::string> NormalAddress(std::string_view address, int default_port);

}  // namespace strongroom::cli
