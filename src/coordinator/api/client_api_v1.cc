#include "base/encoding.h"
#include "coordinator/api/client_api.h"
#include "coordinator/api/jsend.h"

// The first API, which MarbleRun keeps for old clients: the calls that need no user.
namespace strongroom::coordinator {

void ClientApi::RegisterV1(net::Router& router) {
  router.Handle("GET", "/status", [this](const net::Request& r) { return GetStatusV1(r); });
  router.Handle("GET", "/manifest", [this](const net::Request& r) { return GetManifestV1(r); });
  router.Handle("POST", "/manifest", [this](const net::Request& r) { return PostManifestV1(r); },
                {.max_body_bytes = manifest::kMaxManifestBytes});
  router.Handle("GET", "/quote", [this](const net::Request& r) { return GetQuoteV1(r); });
}

net::Response ClientApi::GetStatusV1(const net::Request&) {
  const State state = core_.state();
  return Success([state](JsonWriter& w) {
    w.Object();
    w.Key("StatusCode").Int(static_cast<int>(state));
    w.Key("StatusMessage").String(StateMessage(state));
    w.End();
  });
}

net::Response ClientApi::GetManifestV1(const net::Request&) {
  const auto deployment = core_.deployment();
  const bool set = deployment.has_value();
  return Success([&](JsonWriter& w) {
    w.Object();
    w.Key("ManifestSignatureRootECDSA").String(set ? Base64Encode((*deployment)->signature) : "");
    w.Key("ManifestSignature").String(set ? HexEncode((*deployment)->fingerprint.view()) : "");
    w.Key("Manifest").String(set ? Base64Encode((*deployment)->raw) : "");
    w.End();
  });
}

net::Response ClientApi::PostManifestV1(const net::Request& request) {
  const auto set = core_.SetManifest(request.body.view());
  if (!set.has_value()) return Failure(400, set.error().message());
  return SuccessNull();
}

net::Response ClientApi::GetQuoteV1(const net::Request&) {
  const auto evidence = Evidence(std::nullopt);
  if (!evidence.has_value()) return NoQuote(evidence.error());
  return Success([&](JsonWriter& w) {
    w.Object();
    w.Key("Cert").String(Certificates());
    w.Key("Quote").String(Base64Encode(*evidence));
    w.End();
  });
}

}  // namespace strongroom::coordinator
