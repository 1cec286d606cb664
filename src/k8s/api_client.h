#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "base/json.h"
#include "net/client.h"

namespace strongroom::k8s {

// How a program in a pod reaches its cluster's API server.
struct ClusterAccess {
  std::string url = {};              // "https://10.96.0.1:443"
  std::vector<Bytes> roots = {};     // DER: who may be the API server
  std::filesystem::path token = {};  // read again for every request, because the kubelet renews it
  std::string name_space = {};       // of this pod
};

// What Kubernetes gives every pod whose service account's token is mounted: the address in
// KUBERNETES_SERVICE_HOST and _PORT; ca.crt, token and namespace in `folder` (usually
// /var/run/secrets/kubernetes.io/serviceaccount). kPrecondition: this is no such pod.
Result<ClusterAccess> InCluster(const Environment& environment,
                                const std::filesystem::path& folder);

// The few verbs that our programs need, on paths such as
// "/api/v1/namespaces/strongroom/secrets/x". Synchronous; any thread. Errors: kNotFound, kConflict
// (409: someone else was faster), kDenied (403: a role is missing), kUntrusted (401, or the server
// is not the cluster's), kUnavailable, kDeadline, kMalformed (an answer that is no JSON object),
// all with what the API server says.
class ApiClient {
 public:
  explicit ApiClient(ClusterAccess access);

  const std::string& name_space() const { return access_.name_space; }

  Result<JsonDocument> Get(std::string_view path);
  Result<JsonDocument> Create(std::string_view path, std::string_view json);
  // RFC 6902.
  Result<JsonDocument> JsonPatch(std::string_view path, std::string_view operations);

 private:
  Result<JsonDocument> Send(std::string_view method, std::string_view path,
                            std::string_view content_type, std::string_view body);

  ClusterAccess access_;
  net::HttpsClient client_;
};

}  // namespace strongroom::k8s
