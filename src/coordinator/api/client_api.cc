#include "coordinator/api/client_api.h"

#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/text.h"
#include "base/version.h"
#include "coordinator/api/jsend.h"
#include "coordinator/api/secrets_json.h"
#include "ratls/activation_binding.h"

namespace strongroom::coordinator {
namespace {

// The manifest comes base64-encoded inside JSON.
constexpr std::size_t kMaxManifestRequestBytes = manifest::kMaxManifestBytes / 3 * 4 + 64 * 1024;
constexpr std::size_t kMaxNonceBytes = 4096;

// MarbleRun's clients fall back to v1 on exactly this answer.
net::Response NoSuchThing(const net::Request&) { return Failure(405, ""); }

ByteView CertificateOf(const net::Request& request) {
  const Bytes* certificate =
      request.connection == nullptr ? nullptr : request.connection->peer_certificate();
  return certificate == nullptr ? ByteView() : ByteView(*certificate);
}

Result<std::optional<Bytes>> NonceOf(const net::Request& request) {
  const auto text = request.Query("nonce");
  if (!text) return std::optional<Bytes>();
  ASSIGN_OR_RETURN(Bytes nonce, In("nonce", Base64UrlDecode(*text)));
  if (nonce.size() > kMaxNonceBytes)
    return Malformed(
        fmt::format("nonce of {} bytes, wanted at most {}", nonce.size(), kMaxNonceBytes));
  return std::optional<Bytes>(std::move(nonce));
}

Result<std::uint64_t> NumberOf(const net::Request& request, std::string_view name,
                               std::uint64_t otherwise) {
  const auto text = request.Query(name);
  if (!text) return otherwise;
  const auto number = ParseDecimal<std::uint64_t>(*text);
  if (!number)
    return Malformed(fmt::format("{} is \"{}\", wanted a number", name, text->substr(0, 40)));
  return *number;
}

void WriteAnchors(const Deployment& deployment, JsonWriter& w) {
  w.Object();
  for (const auto& [name, package] : deployment.manifest.packages) {
    if (package.trust_anchors.empty()) continue;
    w.Key(name).Array();
    for (const attest::Anchor& anchor : package.trust_anchors) w.String(HexEncode(anchor.view()));
    w.End();
  }
  w.End();
}

}  // namespace

void ClientApi::Register(net::Router& router) {
  RegisterV2(router);
  RegisterV1(router);
  RegisterUnsupported(router);
  RegisterProbes(router);
  router.OnUnknownPath(NoSuchThing);
  router.OnUnknownMethod(NoSuchThing);
}

void ClientApi::RegisterProbes(net::Router& router) {
  router.Handle("GET", "/healthz",
                [](const net::Request&) { return net::Response::Text(200, "alive\n"); });
  router.Handle("GET", "/readyz", [this](const net::Request& r) { return Ready(r); });
  router.Handle("GET", "/metrics", [this](const net::Request&) {
    return net::Response::Text(200, metrics_.Render());
  });
}

void ClientApi::RegisterV2(net::Router& router) {
  router.Handle("GET", "/api/v2/status", [this](const net::Request& r) { return Status(r); });
  router.Handle("GET", "/api/v2/manifest",
                [this](const net::Request& r) { return GetManifest(r); });
  router.Handle("POST", "/api/v2/manifest",
                [this](const net::Request& r) { return PostManifest(r); },
                {.max_body_bytes = kMaxManifestRequestBytes});
  router.Handle("GET", "/api/v2/quote", [this](const net::Request& r) { return Quote(r); });
  router.Handle("GET", "/api/v2/secrets", [this](const net::Request& r) { return GetSecrets(r); });
  router.Handle("POST", "/api/v2/secrets", [this](const net::Request& r) { return PostSecrets(r); },
                {.max_body_bytes = kMaxSecretsUploadBytes});
  router.Handle("GET", "/api/v2/audit", [this](const net::Request& r) { return Audit(r); });
}

// What MarbleRun has and this version does not do yet: a clear word instead of a wrong one.
void ClientApi::RegisterUnsupported(net::Router& router) {
  const auto say = [&router](std::string_view method, std::string_view path, int status,
                             std::string message) {
    router.Handle(method, path, [status, message = std::move(message)](const net::Request&) {
      return Failure(status, message);
    });
  };
  const std::string recover = "recovery is not supported by this version";
  const std::string update = "updates of the manifest are not supported by this version";
  say("POST", "/api/v2/recover", 501, recover);
  say("GET", "/api/v2/recover/public-key", 501, recover);
  for (const char* method : {"GET", "POST"}) {
    say(method, "/api/v2/update", 501, update);
    say(method, "/api/v2/update-manifest", 501, update);
  }
  say("POST", "/api/v2/update-cancel", 501, update);
  say("POST", "/api/v2/sign-quote", 403, "the feature gate SignQuoteEndpoint is off");
  say("POST", "/api/v2/monotonic-counter", 403, "the feature gate MonotonicCounter is off");
  say("POST", "/recover", 410, "removed from the first API; " + recover);
  for (const char* method : {"GET", "POST"}) {
    say(method, "/secrets", 501, "secrets are not in the first API here; use /api/v2/secrets");
    say(method, "/update", 501, update);
    say(method, "/update-manifest", 501, update);
  }
  say("POST", "/update-cancel", 501, update);
}

net::Response ClientApi::Status(const net::Request&) {
  const State state = core_.state();
  const auto deployment = core_.deployment();
  return Success([&](JsonWriter& w) {
    w.Object();
    w.Key("code").Int(static_cast<int>(state));
    w.Key("message").String(StateMessage(state));
    w.Key("version").String(Version());
    if (deployment.has_value()) {
      w.Key("manifestFingerprint").String(HexEncode((*deployment)->fingerprint.view()));
      w.Key("trustAnchors");
      WriteAnchors(**deployment, w);
      w.Key("remarks").Array();
      for (const manifest::Remark& remark : (*deployment)->notes) w.String(remark.ToString());
      w.End();
    }
    w.End();
  });
}

net::Response ClientApi::Ready(const net::Request&) {
  const State state = core_.state();
  return net::Response::Text(state == State::kAcceptingMarbles ? 200 : 503,
                             fmt::format("{}\n", StateMessage(state)));
}

net::Response ClientApi::GetManifest(const net::Request&) {
  const auto deployment = core_.deployment();
  if (!deployment.has_value()) return FailureOf(deployment.error());
  return Success([&](JsonWriter& w) {
    w.Object();
    w.Key("manifestSignatureRootECDSA").String(Base64Encode((*deployment)->signature));
    w.Key("manifestFingerprint").String(HexEncode((*deployment)->fingerprint.view()));
    w.Key("manifest").String(Base64Encode((*deployment)->raw));
    w.End();
  });
}

net::Response ClientApi::PostManifest(const net::Request& request) {
  const auto document =
      JsonDocument::Parse(AsText(request.body.view()), {.max_bytes = kMaxManifestRequestBytes});
  if (!document.has_value()) return Failure(400, document.error().message());
  const auto text = document->root().GetString("manifest");
  if (!text.has_value()) return Failure(400, text.error().message());
  const auto raw = Base64Decode(*text);
  if (!raw.has_value()) return Failure(400, "manifest: " + raw.error().message());
  const auto set = core_.SetManifest(*raw);
  // MarbleRun answers 500 to every manifest that it does not take.
  if (!set.has_value()) return Failure(500, set.error().message());
  return Success([](JsonWriter& w) { w.Object().Key("RecoverySecrets").Null().End(); });
}

Result<Bytes> ClientApi::Evidence(const std::optional<Bytes>& nonce) {
  if (!nonce) {
    if (auto known = quote_.With([](const auto& quote) { return quote; })) return *std::move(known);
  }
  const attest::ReportData report_data = ratls::QuoteEndpointReportData(
      core_.authorities().root.der(), nonce ? ByteView(*nonce) : ByteView());
  ASSIGN_OR_RETURN(const Bytes quote, core_.Quote(report_data));
  Bytes evidence = ratls::WrapOpenEnclave(quote);
  if (!nonce) quote_.With([&](auto& known) { known = evidence; });
  return evidence;
}

net::Response ClientApi::NoQuote(const Error& error) {
  return Failure(error.code() == Code::kExhausted ? 429 : 500, error.message());
}

std::string ClientApi::Certificates() const {
  return crypto::ChainToPem({core_.authorities().intermediate, core_.authorities().root});
}

net::Response ClientApi::Quote(const net::Request& request) {
  const auto nonce = NonceOf(request);
  if (!nonce.has_value()) return Failure(400, nonce.error().message());
  const auto evidence = Evidence(*nonce);
  if (!evidence.has_value()) return NoQuote(evidence.error());
  return Success([&](JsonWriter& w) {
    w.Object();
    w.Key("cert").String(Certificates());
    w.Key("quote").String(Base64Encode(*evidence));
    w.End();
  });
}

net::Response ClientApi::GetSecrets(const net::Request& request) {
  std::vector<std::string> names;
  for (const auto& [name, value] : request.query) {
    if (name != "s") continue;
    if (value.empty()) return Failure(400, "an empty name of a secret");
    names.push_back(value);
  }
  if (names.empty()) return Failure(400, "no secret was named, wanted ?s=name");
  const auto secrets = core_.GetSecrets(CertificateOf(request), names);
  if (!secrets.has_value()) return FailureOf(secrets.error());
  return Success([&](JsonWriter& w) { WriteSecrets(*secrets, w); });
}

net::Response ClientApi::PostSecrets(const net::Request& request) {
  const auto upload = ParseSecretsUpload(AsText(request.body.view()));
  if (!upload.has_value()) return Failure(400, upload.error().message());
  const auto set = core_.SetSecrets(CertificateOf(request), upload->secrets, upload->expected);
  if (!set.has_value()) return FailureOf(set.error());
  return SuccessNull();
}

net::Response ClientApi::Audit(const net::Request& request) {
  const auto from = NumberOf(request, "from", 1);
  const auto limit = NumberOf(request, "limit", kMaxAuditPage);
  if (!from.has_value()) return FailureOf(from.error());
  if (!limit.has_value()) return FailureOf(limit.error());
  const auto page = core_.Audit(CertificateOf(request), *from, *limit);
  if (!page.has_value()) return FailureOf(page.error());
  return Success([&](JsonWriter& w) {
    w.Object().Key("entries").Array();
    for (const std::string& entry : page->entries) w.String(entry);
    w.End();
    w.Key("head").Object();
    w.Key("seq").Unsigned(page->head.sequence);
    w.Key("sha256").String(HexEncode(page->head.digest.view()));
    w.Key("signatureRootECDSA").String(Base64Encode(page->signature));
    w.End().End();
  });
}

}  // namespace strongroom::coordinator
