#include "simtee/pccs.h"

#include <functional>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/json.h"
#include "crypto/pem.h"
#include "sim/pki.h"

namespace strongroom::simtee {
namespace {

using net::Request;
using net::Response;

constexpr std::string_view kPrefix = "/sgx/certification/v4/";

int HttpStatusOf(Code code) {
  if (code == Code::kMalformed) return 400;
  if (code == Code::kNotFound) return 404;
  return 500;
}

Response Failure(const Error& error) {
  return Response::Text(HttpStatusOf(error.code()), error.message());
}

Response Answer(Bytes body, std::string_view type) {
  Response response;
  response.body = std::move(body);
  response.headers.Add("content-type", std::string(type));
  response.headers.Add("cache-control", "max-age=60");
  return response;
}

Response JsonAnswer(const std::string& body) { return Answer(ToBytes(body), "application/json"); }

void AddChain(Response& response, std::string name, const std::string& pem) {
  response.headers.Add(std::move(name), PercentEncode(pem));
}

class Service {
 public:
  Service(const sim::Collateral& collateral, const Clock& clock)
      : collateral_(collateral), clock_(clock) {}

  Result<Response> Tcb(const Request& request) const {
    const auto text = request.Query("fmspc");
    if (!text.has_value()) return Malformed("query without fmspc, wanted 12 hexadecimal digits");
    ASSIGN_OR_RETURN(const Bytes bytes, In("fmspc", HexDecode(*text)));
    ASSIGN_OR_RETURN(const auto fmspc, In("fmspc", attest::Fmspc::From(bytes)));
    ASSIGN_OR_RETURN(const std::string document, collateral_.TcbInfo(fmspc, clock_.Now()));
    Response response = JsonAnswer(document);
    AddChain(response, "tcb-info-issuer-chain", collateral_.TcbSigningChain());
    return response;
  }

  Result<Response> QeIdentity(const Request&) const {
    ASSIGN_OR_RETURN(const std::string document, collateral_.QeIdentity(clock_.Now()));
    Response response = JsonAnswer(document);
    AddChain(response, "sgx-enclave-identity-issuer-chain", collateral_.TcbSigningChain());
    return response;
  }

  Result<Response> PckCrl(const Request& request) const {
    const auto name = request.Query("ca");
    if (name != "processor" && name != "platform")
      return Malformed("query ca, wanted processor or platform");
    const auto ca = name == "platform" ? sim::PckCa::kPlatform : sim::PckCa::kProcessor;
    ASSIGN_OR_RETURN(Bytes crl, collateral_.PckCrl(ca, clock_.Now()));
    const bool der = request.Query("encoding") == "der";
    Response response =
        der ? Answer(std::move(crl), "application/pkix-crl")
            : Answer(ToBytes(crypto::EncodePem("X509 CRL", crl)), "application/x-pem-file");
    AddChain(response, "sgx-pck-crl-issuer-chain", collateral_.PckIssuerChain(ca));
    return response;
  }

  Result<Response> RootCaCrl(const Request&) const {
    ASSIGN_OR_RETURN(const Bytes crl, collateral_.RootCaCrl(clock_.Now()));
    return Answer(ToBytes(HexEncode(crl)), "text/plain");
  }

  Result<Response> CrlByUri(const Request& request) const {
    const auto uri = request.Query("uri");
    if (!uri.has_value()) return Malformed("query without uri");
    if (*uri != sim::kRootCrlUrl) return NotFound(fmt::format("no revocation list of {}", *uri));
    ASSIGN_OR_RETURN(Bytes crl, collateral_.RootCaCrl(clock_.Now()));
    return Answer(std::move(crl), "application/pkix-crl");
  }

  Result<Response> Fmspcs(const Request&) const {
    JsonWriter json;
    json.Array();
    for (const attest::Fmspc& fmspc : sim::AllFmspcs()) {
      json.Object().Key("fmspc").String(HexEncode(fmspc.view())).Key("platform").String("E5").End();
    }
    json.End();
    return JsonAnswer(json.text());
  }

 private:
  const sim::Collateral& collateral_;
  const Clock& clock_;
};

}  // namespace

void AddPccsRoutes(net::Router& router, const sim::Collateral& collateral, const Clock& clock) {
  using Method = Result<Response> (Service::*)(const Request&) const;
  const Service service(collateral, clock);
  const auto add = [&](std::string_view path, Method method) {
    router.Handle("GET", std::string(kPrefix) + std::string(path),
                  [service, method](const Request& request) {
                    auto response = (service.*method)(request);
                    return response.has_value() ? std::move(*response) : Failure(response.error());
                  });
  };
  add("tcb", &Service::Tcb);
  add("qe/identity", &Service::QeIdentity);
  add("pckcrl", &Service::PckCrl);
  add("rootcacrl", &Service::RootCaCrl);
  add("crl", &Service::CrlByUri);
  add("fmspcs", &Service::Fmspcs);
}

}  // namespace strongroom::simtee
