#include "cli/coordinator_client.h"

#include <cstdlib>

#include <fmt/format.h>

#include "attest/verifier.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/entropy.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/endorsements.h"
#include "crypto/hash.h"
#include "net/status_map.h"
#include "ratls/activation_binding.h"

namespace strongroom::cli {
namespace {

constexpr std::size_t kMaxAnswerBytes = 16 << 20;
constexpr std::size_t kNonceBytes = 32;

// Unwraps the JSend envelope. The returned document is the member "data".
Result<JsonDocument> DataOf(const net::ClientResponse& response, std::string_view what) {
  const std::string_view body = AsText(response.body);
  const Result<JsonDocument> envelope =
      JsonDocument::Parse(body, {.max_bytes = kMaxAnswerBytes, .max_depth = 32});
  if (response.status != 200) {
    std::string message = fmt::format("{} answered status {}", what, response.status);
    if (envelope.has_value()) {
      const Json* said = envelope->root().Find("message");
      if (said != nullptr && said->IsString()) message = std::string(said->String().value());
    }
    return std::unexpected(Error(net::FromHttpStatus(response.status), std::move(message)));
  }
  if (!envelope.has_value()) return std::unexpected(envelope.error().In(what));
  ASSIGN_OR_RETURN(const Json* data, In(what, envelope->root().Get("data")));
  return JsonDocument::Parse(data->raw(), {.max_bytes = kMaxAnswerBytes, .max_depth = 32});
}

Result<JsonDocument> SendTo(net::HttpsClient& client, const CoordinatorTarget& target,
                            net::ClientRequest request) {
  const std::string what = fmt::format("{} {} of {}", request.method, request.url, target.name);
  request.url = fmt::format("https://{}{}", target.address, request.url);
  ASSIGN_OR_RETURN(const net::ClientResponse response,
                   In(target.name, client.Send(std::move(request))));
  return DataOf(response, what);
}

Result<Bytes> Base64Member(const Json& object, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string_view text, object.GetString(name));
  return In(name, Base64Decode(text));
}

// The client for the first contact: any server may answer, and what it says is only believed after
// the evidence was verified and names the certificate of this very connection.
Result<std::pair<JsonDocument, Bytes>> AskForQuote(const CoordinatorTarget& target,
                                                   const Bytes& nonce) {
  auto presented = std::make_shared<Bytes>();
  net::HttpsClient client(
      {.tls = net::TlsClientOptions{
           .trust = net::TrustCheck{[presented](std::string_view, const std::vector<Bytes>& chain) {
             *presented = chain.front();
             return Status();
           }}}});
  ASSIGN_OR_RETURN(
      JsonDocument data,
      SendTo(client, target, {.url = "/api/v2/quote?nonce=" + Base64UrlEncode(nonce)}));
  return std::pair(std::move(data), std::move(*presented));
}

}  // namespace

Result<std::string> NormalAddress(std::string_view address, int default_port) {
  const auto bad = [&] {
    return WrongUsage(fmt::format("address \"{}\", wanted HOST or HOST:PORT", address));
  };
  if (address.empty() || address.find_first_of("/?#@ ") != std::string_view::npos) return bad();
  const bool bracketed = address.front() == '[';
  const std::size_t host_end = bracketed ? address.find(']') : address.find(':');
  if (bracketed && host_end == std::string_view::npos) return bad();
  const std::string_view rest =
      host_end == std::string_view::npos ? "" : address.substr(host_end + (bracketed ? 1 : 0));
  if (rest.empty()) return fmt::format("{}:{}", address, default_port);
  if (ParseDecimal<std::uint16_t>(rest.substr(1)).value_or(0) == 0) return bad();
  return std::string(address);
}

CoordinatorClient::CoordinatorClient(CoordinatorTarget target, crypto::Certificate root,
                                     std::shared_ptr<const net::Credentials> user)
    : target_(std::move(target)),
      root_(std::move(root)),
      client_(std::make_unique<net::HttpsClient>(net::HttpsClientOptions{
          .tls = net::TlsClientOptions{.trust = net::TrustPinned{ToBytes(root_.der())},
                                       .credentials = std::move(user)},
          .max_response_bytes = kMaxAnswerBytes})) {}

CoordinatorClient CoordinatorClient::Pinned(CoordinatorTarget target,
                                            const crypto::Certificate& root,
                                            std::shared_ptr<const net::Credentials> user) {
  return CoordinatorClient(std::move(target), root, std::move(user));
}

Result<JsonDocument> CoordinatorClient::Get(std::string_view path) {
  return SendTo(*client_, target_, {.url = std::string(path)});
}

Result<JsonDocument> CoordinatorClient::Post(std::string_view path, const std::string& json) {
  return SendTo(*client_, target_,
                {.method = "POST",
                 .url = std::string(path),
                 .headers = {{"content-type", "application/json"}},
                 .body = ToBytes(json)});
}

Result<HeldManifest> CoordinatorClient::GetManifest() {
  ASSIGN_OR_RETURN(const JsonDocument data, Get("/api/v2/manifest"));
  ASSIGN_OR_RETURN(const Bytes text, Base64Member(data.root(), "manifest"));
  if (text.empty()) return Precondition(name() + " has no manifest yet");
  ASSIGN_OR_RETURN(const Bytes signature, Base64Member(data.root(), "manifestSignatureRootECDSA"));
  ASSIGN_OR_RETURN(const crypto::PublicKey key, root_.public_key());
  RETURN_IF_ERROR(In("the root's signature over the manifest",
                     key.Verify(crypto::SignatureScheme::kEcdsaSha256, text, signature)));
  HeldManifest held{.text = ToText(text), .fingerprint = HexEncode(crypto::Sha256(text).view())};
  ASSIGN_OR_RETURN(const std::string_view said, data.root().GetString("manifestFingerprint"));
  if (said != held.fingerprint) {
    return Untrusted(fmt::format("{} says its manifest has fingerprint {}, but what it sent has {}",
                                 name(), said, held.fingerprint));
  }
  return held;
}

namespace {

// The collateral service is named, by a flag or in the environment.
bool NamesCollateral(const Arguments& arguments) {
  return arguments.Has("pccs-url") || arguments.Has("collateral") ||
         std::getenv("STRONGROOM_PCCS_URL") != nullptr;
}

Result<attest::Endorsements> EndorsementsAt(const CoordinatorTarget& target, ByteView quote,
                                            const Arguments& arguments) {
  if (!target.cluster.has_value() || NamesCollateral(arguments) ||
      RestsOnIntelsRoot(quote, SystemClock().Now()))
    return EndorsementsFor(quote, arguments);
  ASSIGN_OR_RETURN(const std::shared_ptr<PortForward> service,
                   ForwardToSimulatedCollateral(*target.cluster));
  if (service == nullptr) return EndorsementsFor(quote, arguments);
  Arguments with_service = arguments;
  with_service.Add("pccs-url", fmt::format("http://127.0.0.1:{}", service->port()));
  return EndorsementsFor(quote, with_service);
}

}  // namespace

Result<Proof> ProveCoordinator(const CoordinatorTarget& target, const ExpectedIdentity& identity,
                               const Arguments& arguments) {
  SystemEntropy entropy;
  const Bytes nonce = entropy.Take(kNonceBytes);
  ASSIGN_OR_RETURN(const auto answer, AskForQuote(target, nonce));
  const Json& data = answer.first.root();
  const Json* quote_member = data.Find("quote");
  if (quote_member == nullptr || quote_member->IsNull()) {
    return Untrusted(target.name + " has no evidence: it does not run in a TEE");
  }
  ASSIGN_OR_RETURN(const Bytes evidence, Base64Member(data, "quote"));
  ASSIGN_OR_RETURN(const ByteView quote, ratls::UnwrapIfOpenEnclave(evidence));
  ASSIGN_OR_RETURN(const std::string_view pem, data.GetString("cert"));
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain,
                   In("certificates", crypto::Certificate::ChainFromPem(pem, 2)));
  const crypto::Certificate& root = chain.back();
  if (!Equal(root.der(), answer.second)) {
    return Untrusted(target.name +
                     " answers with another certificate than the root it names in its evidence");
  }
  ASSIGN_OR_RETURN(const attest::Endorsements endorsements,
                   EndorsementsAt(target, quote, arguments));
  const SystemClock clock;
  const attest::Appraisal appraisal = attest::VerifySgxEvidence(
      quote, endorsements, identity.anchors, clock.Now(),
      {.insecure_accept_debug_enclaves = identity.policy.insecure_accept_debug_enclaves});
  ASSIGN_OR_RETURN(attest::VerifiedClaims claims,
                   In("evidence of " + target.name, appraisal.ToResult()));
  RETURN_IF_ERROR(
      attest::ExpectReportData(claims, ratls::QuoteEndpointReportData(root.der(), nonce)));
  if (const auto against = attest::Appraise(claims, identity.policy); !against.empty()) {
    return std::unexpected(attest::ErrorOf(against).In("evidence of " + target.name));
  }
  return Proof{.root = root,
               .intermediate_pem = chain.size() == 2 ? chain.front().Pem() : "",
               .claims = std::move(claims)};
}

Result<CoordinatorClient> OpenVerified(const Arguments& arguments,
                                       std::shared_ptr<const net::Credentials> user) {
  ASSIGN_OR_RETURN(const std::optional<ExpectedIdentity> identity, IdentityFrom(arguments));
  if (identity.has_value()) {
    ASSIGN_OR_RETURN(const CoordinatorTarget target, TargetOf(arguments));
    ASSIGN_OR_RETURN(const Proof proof, ProveCoordinator(target, *identity, arguments));
    RETURN_IF_ERROR(SavePin(target.name, proof, /*manifest_sha256=*/""));
    return CoordinatorClient::Pinned(target, proof.root, std::move(user));
  }
  ASSIGN_OR_RETURN(const std::string name, TargetName(arguments));
  ASSIGN_OR_RETURN(const Pins pins, Pins::OfThisUser());
  ASSIGN_OR_RETURN(const std::optional<Pin> pin, pins.Find(name));
  if (!pin.has_value()) {
    RETURN_IF_ERROR(ExpectCoordinator(arguments));
    return Precondition(
        fmt::format("{} was never verified; run \"strongroom verify{} --identity FILE\" first",
                    name, TypedTarget(arguments)));
  }
  ASSIGN_OR_RETURN(const crypto::Certificate root,
                   In(pins.FileOf(name).string(), crypto::Certificate::FromPem(pin->root_pem)));
  ASSIGN_OR_RETURN(CoordinatorTarget target, TargetOf(arguments));
  return CoordinatorClient::Pinned(std::move(target), root, std::move(user));
}

Status SavePin(const std::string& name, const Proof& proof, const std::string& manifest_sha256) {
  ASSIGN_OR_RETURN(const Pins pins, Pins::OfThisUser());
  return pins.Remember(name, {.root_pem = proof.root.Pem(),
                              .manifest_sha256 = manifest_sha256,
                              .intermediate_pem = proof.intermediate_pem});
}

std::vector<Flag> CoordinatorFlags() {
  std::vector<Flag> flags = IdentityFlags();
  for (Flag& flag : ClusterFlags()) flags.push_back(std::move(flag));
  return flags;
}

std::vector<Flag> UserFlags(bool required) {
  return {
      {.name = "--cert,-c",
       .value = "FILE",
       .help = "the user's certificate (PEM), as the manifest names it",
       .required = required},
      {.name = "--key,-k", .value = "FILE", .help = "its private key (PEM)", .required = required}};
}

Result<std::shared_ptr<const net::Credentials>> UserCredentials(const Arguments& arguments) {
  const auto cert = arguments.Optional("cert"), key = arguments.Optional("key");
  if (!cert && !key) return nullptr;
  if (!cert || !key)
    return WrongUsage("only one of --cert and --key is given, wanted both or neither");
  ASSIGN_OR_RETURN(const std::string chain, ReadTextFile(*cert, 64 * 1024));
  ASSIGN_OR_RETURN(const SecretBytes secret, ReadSecretFile(*key, 64 * 1024));
  ASSIGN_OR_RETURN(net::Credentials credentials,
                   In(*cert + " and " + *key, net::Credentials::FromPem(chain, secret)));
  return std::make_shared<const net::Credentials>(std::move(credentials));
}

}  // namespace strongroom::cli
