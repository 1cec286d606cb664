#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "k8s/api_client.h"
#include "webhook/authority.h"

namespace strongroom::webhook {

struct KeeperOptions {
  std::vector<std::string> names =
      {};                       // that the API server dials: "strongroom-webhook.strongroom.svc"
  std::string name_space = {};  // of the Secret
  std::string secret = {};      // shared by all copies of this program
  std::string webhook_configuration = {};  // name of both admission configurations
};

// Keeps the certificates of a webhook that has no cert-manager: the state lies in a Secret, every
// copy of the program serves by it, and the authorities go into the caBundle of the program's own
// two admission configurations. Whoever finds something due does it: the Secret is written only as
// it was read, so of several copies one wins and the others take over what it wrote. So no copy is
// a leader, and no role on Leases is needed.
class AuthorityKeeper {
 public:
  // Serves by this from now on.
  using Show = std::function<Status(const ServingState& state)>;

  AuthorityKeeper(k8s::ApiClient& api, KeeperOptions options, const Clock& clock, Log& log,
                  Show show);

  // One look at everything; what is due is done. An error is to be tried again soon. A leaf of an
  // authority that could not be published is not shown while there is another.
  Status Step();

 private:
  struct Stored {
    std::optional<ServingState> state = std::nullopt;  // none: the Secret holds none that is good
    std::string version = {};                          // empty: there is no Secret
  };
  Result<Stored> Read();
  Result<ServingState> Decide(const Stored& stored) const;
  Status Write(const Stored& stored, const ServingState& state);
  Status Publish(const ServingState& state);
  Status PublishTo(const std::string& kind, const std::string& bundle);

  k8s::ApiClient& api_;
  KeeperOptions options_;
  const Clock& clock_;
  Log& log_;
  Show show_;
  std::optional<crypto::Certificate> shown_;
};

}  // namespace strongroom::webhook
