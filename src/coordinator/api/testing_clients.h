#pragma once

#include <memory>
#include <string>

#include "base/json.h"
#include "coordinator/api/front_ends.h"
#include "coordinator/core/testing/stage.h"
#include "net/client.h"
#include "net/grpc_client.h"

// Clients of a coordinator whose listeners run in the test's process.
namespace strongroom::coordinator::testing {

class ServedStage {
 public:
  explicit ServedStage(net::Limits limits = {});

  Stage stage;

  // A REST client that trusts exactly the coordinator's root; shows `user`'s certificate if any.
  std::unique_ptr<net::HttpsClient> Client(const TestUser* user = nullptr) const;
  std::string Url(const std::string& path) const;
  net::ClientResponse Get(net::HttpsClient& client, const std::string& path) const;
  net::ClientResponse Post(net::HttpsClient& client, const std::string& path,
                           const std::string& body) const;

  // A connection to the mesh port; shows `user`'s certificate if any.
  std::unique_ptr<net::GrpcChannel> Channel(
      const TestUser* user = nullptr, net::TlsVersion minimum = net::TlsVersion::kTls12) const;

  FrontEnds& front_ends() { return *front_ends_; }

 private:
  std::unique_ptr<Log> log_;
  Metrics metrics_;
  std::unique_ptr<FrontEnds> front_ends_;
};

// What a workload sends in our dialect over `channel`: challenge taken, evidence made by `server`.
// The message is serialized; `key` is what the CSR asks to certify.
Result<Bytes> MakeActivateMessage(net::GrpcChannel& channel, SimIssuer& server,
                                  const std::string& marble, const crypto::PrivateKey& key);
// The same in MarbleRun's, for a channel that shows `user`'s certificate.
Result<Bytes> MakeMarbleRunMessage(SimIssuer& server, const std::string& marble,
                                   const TestUser& user, const std::string& uuid = kTestUuid);

// The text after HTTP's envelope: `data` of an answer of status 200.
Result<JsonDocument> ParseAnswer(const net::ClientResponse& response);

}  // namespace strongroom::coordinator::testing
