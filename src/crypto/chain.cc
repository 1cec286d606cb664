#include "crypto/chain.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <openssl/x509_vfy.h>

#include "crypto/x509_internal.h"

namespace strongroom::crypto {
namespace {

using StorePtr = OpenSslPtr<X509_STORE, X509_STORE_free>;
using StoreCtxPtr = OpenSslPtr<X509_STORE_CTX, X509_STORE_CTX_free>;

void FreeStack(STACK_OF(X509) * stack) { sk_X509_free(stack); }
using BorrowedStackPtr = OpenSslPtr<STACK_OF(X509), FreeStack>;

// OpenSSL's level 2: 112 bits of security. Refuses SHA-1, RSA below 2048 bits.
constexpr int kSecurityLevel = 2;

struct FaultOfCode {
  int code;
  ChainFault fault;
};
constexpr std::array kFaults = {
    FaultOfCode{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, ChainFault::kIncomplete},
    FaultOfCode{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, ChainFault::kIncomplete},
    FaultOfCode{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, ChainFault::kIncomplete},
    FaultOfCode{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, ChainFault::kUntrustedRoot},
    FaultOfCode{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, ChainFault::kUntrustedRoot},
    FaultOfCode{X509_V_ERR_CERT_UNTRUSTED, ChainFault::kUntrustedRoot},
    FaultOfCode{X509_V_ERR_CERT_REJECTED, ChainFault::kUntrustedRoot},
    FaultOfCode{X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, ChainFault::kBadSignature},
    FaultOfCode{X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, ChainFault::kBadSignature},
    FaultOfCode{X509_V_ERR_CERT_SIGNATURE_FAILURE, ChainFault::kBadSignature},
    FaultOfCode{X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH, ChainFault::kBadSignature},
    FaultOfCode{X509_V_ERR_INVALID_CA, ChainFault::kNotCa},
    FaultOfCode{X509_V_ERR_INVALID_NON_CA, ChainFault::kNotCa},
    FaultOfCode{X509_V_ERR_KEYUSAGE_NO_CERTSIGN, ChainFault::kNotCa},
    FaultOfCode{X509_V_ERR_CERT_CHAIN_TOO_LONG, ChainFault::kTooLong},
    FaultOfCode{X509_V_ERR_PATH_LENGTH_EXCEEDED, ChainFault::kTooLong},
    FaultOfCode{X509_V_ERR_INVALID_PURPOSE, ChainFault::kPurpose},
    FaultOfCode{X509_V_ERR_CERT_REVOKED, ChainFault::kRevoked},
    FaultOfCode{X509_V_ERR_UNABLE_TO_GET_CRL, ChainFault::kCrlMissing},
    FaultOfCode{X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, ChainFault::kCrlMissing},
    FaultOfCode{X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE, ChainFault::kCrlBadSignature},
    FaultOfCode{X509_V_ERR_CRL_SIGNATURE_FAILURE, ChainFault::kCrlBadSignature},
    FaultOfCode{X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, ChainFault::kCrlBadSignature},
    FaultOfCode{X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION, ChainFault::kCrlNonconforming},
    FaultOfCode{X509_V_ERR_DIFFERENT_CRL_SCOPE, ChainFault::kCrlNonconforming},
    FaultOfCode{X509_V_ERR_CRL_PATH_VALIDATION_ERROR, ChainFault::kCrlNonconforming},
};

ChainFault FaultOf(int code) {
  const auto* found = std::ranges::find(kFaults, code, &FaultOfCode::code);
  return found == kFaults.end() ? ChainFault::kNonconforming : found->fault;
}

void AddOnce(std::vector<ChainFinding>& findings, ChainFinding finding) {
  const bool known = std::ranges::any_of(findings, [&](const ChainFinding& other) {
    return other.fault == finding.fault && other.depth == finding.depth;
  });
  if (!known) findings.push_back(std::move(finding));
}

// OpenSSL's callback: notes the error and goes on, so that one run finds everything. The verdict is
// the list of findings, never OpenSSL's return value alone.
int Collect(int ok, X509_STORE_CTX* context) noexcept {
  if (ok == 1) return 1;
  auto* findings = static_cast<std::vector<ChainFinding>*>(X509_STORE_CTX_get_app_data(context));
  const int code = X509_STORE_CTX_get_error(context);
  std::string subject;
  if (X509* current = X509_STORE_CTX_get_current_cert(context)) {
    if (const auto name = ReadName(X509_get_subject_name(current))) subject = name->rfc2253;
  }
  AddOnce(*findings, {.fault = FaultOf(code),
                      .depth = X509_STORE_CTX_get_error_depth(context),
                      .subject = std::move(subject),
                      .message = X509_verify_cert_error_string(code)});
  return 1;
}

StorePtr MakeStore(const ChainInput& input, const ChainOptions& options) {
  StorePtr store(X509_STORE_new());
  if (!store || X509_STORE_add_cert(store.get(), Native(input.root)) != 1) return nullptr;
  if (!options.require_crls) return store;
  for (const Crl& crl : input.crls) {
    if (X509_STORE_add_crl(store.get(), Native(crl)) != 1) return nullptr;
  }
  return store;
}

void Configure(X509_VERIFY_PARAM* parameters, const ChainOptions& options) {
  // Times are compared by CheckTimes: OpenSSL would report the first bad one only and reads the
  // upper bounds as exclusive.
  unsigned long flags = X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_CHECK_SS_SIGNATURE;
  if (options.require_crls) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  if (options.strict) flags |= X509_V_FLAG_X509_STRICT;
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  X509_VERIFY_PARAM_set_depth(parameters, std::max(options.max_certificates - 2, 0));
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  if (options.purpose == ChainPurpose::kTlsServer) {
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  } else if (options.purpose == ChainPurpose::kTlsClient) {
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT);
  }
}

// The certificate of the input that OpenSSL put on its path.
std::optional<Certificate> FindInput(const X509* native, const ChainInput& input) {
  if (X509_cmp(native, Native(input.leaf)) == 0) return input.leaf;
  if (X509_cmp(native, Native(input.root)) == 0) return input.root;
  for (const Certificate& certificate : input.intermediates) {
    if (X509_cmp(native, Native(certificate)) == 0) return certificate;
  }
  return std::nullopt;
}

std::vector<Certificate> PathOf(X509_STORE_CTX* context, const ChainInput& input) {
  std::vector<Certificate> path;
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    std::optional<Certificate> certificate = FindInput(sk_X509_value(chain, i), input);
    if (!certificate) break;
    path.push_back(*std::move(certificate));
  }
  return path;
}

// Builds and checks the path by OpenSSL, times apart. False when OpenSSL could not even start or
// finish.
bool RunOpenSsl(const ChainInput& input, const ChainOptions& options, ChainReport& report) {
  const StorePtr store = MakeStore(input, options);
  const StoreCtxPtr context(X509_STORE_CTX_new());
  const BorrowedStackPtr untrusted(sk_X509_new_null());
  if (!store || !context || !untrusted) return false;
  for (const Certificate& certificate : input.intermediates) {
    if (sk_X509_push(untrusted.get(), Native(certificate)) == 0) return false;
  }
  if (X509_STORE_CTX_init(context.get(), store.get(), Native(input.leaf), untrusted.get()) != 1) {
    return false;
  }
  Configure(X509_STORE_CTX_get0_param(context.get()), options);
  X509_STORE_CTX_set_app_data(context.get(), &report.findings);
  X509_STORE_CTX_set_verify_cb(context.get(), Collect);
  const int verdict = X509_verify_cert(context.get());
  report.path = PathOf(context.get(), input);
  return verdict == 1 || !report.findings.empty();
}

ChainFinding At(const ChainReport& report, std::size_t depth, ChainFault fault,
                std::string message) {
  return {.fault = fault,
          .depth = static_cast<int>(depth),
          .subject = report.path[depth].fields().subject.rfc2253,
          .message = std::move(message)};
}

void CheckCertificateTimes(UnixSeconds now, ChainReport& report) {
  for (std::size_t i = 0; i < report.path.size(); ++i) {
    const CertificateFields& fields = report.path[i].fields();
    if (now < fields.not_before) {
      report.findings.push_back(
          At(report, i, ChainFault::kNotYetValid,
             fmt::format("valid from {}, now is {}", FormatRfc3339(fields.not_before),
                         FormatRfc3339(now))));
    }
    if (now > fields.not_after) {
      report.findings.push_back(
          At(report, i, ChainFault::kExpired,
             fmt::format("valid until {}, now is {}", FormatRfc3339(fields.not_after),
                         FormatRfc3339(now))));
    }
  }
}

void CheckListTimes(const Crl& crl, std::size_t depth, UnixSeconds now, ChainReport& report) {
  const CrlFields& fields = crl.fields();
  if (now < fields.this_update) {
    report.findings.push_back(
        At(report, depth, ChainFault::kCrlNotYetValid,
           fmt::format("CRL of {} from {}, now is {}", fields.issuer.rfc2253,
                       FormatRfc3339(fields.this_update), FormatRfc3339(now))));
  }
  if (!fields.next_update || now > *fields.next_update) {
    const std::string until =
        fields.next_update ? FormatRfc3339(*fields.next_update) : "no stated time";
    report.findings.push_back(At(report, depth, ChainFault::kCrlExpired,
                                 fmt::format("CRL of {} good until {}, now is {}",
                                             fields.issuer.rfc2253, until, FormatRfc3339(now))));
  }
}

void CheckCrlTimes(const ChainInput& input, ChainReport& report) {
  for (const Crl& crl : input.crls) {
    for (std::size_t i = 0; i < report.path.size(); ++i) {
      if (report.path[i].fields().issuer != crl.fields().issuer) continue;
      CheckListTimes(crl, i, input.now, report);
      break;  // once a list, at the lowest certificate that it covers
    }
  }
}

// OpenSSL lets issuers without basic constraints pass in its lenient mode.
void CheckIssuers(ChainReport& report) {
  for (std::size_t i = 1; i < report.path.size(); ++i) {
    const CertificateFields& fields = report.path[i].fields();
    const bool may_sign = !fields.key_usage || (*fields.key_usage & kKeyCertSign) != 0;
    if (fields.is_ca() && may_sign) continue;
    AddOnce(report.findings, At(report, i, ChainFault::kNotCa,
                                fields.is_ca() ? "may not sign certificates" : "is no CA"));
  }
}

void CheckEnds(const ChainInput& input, const ChainOptions& options, ChainReport& report) {
  const std::string& leaf = input.leaf.fields().subject.rfc2253;
  if (report.path.size() > static_cast<std::size_t>(std::max(options.max_certificates, 0))) {
    AddOnce(report.findings, At(report, 0, ChainFault::kTooLong,
                                fmt::format("{} certificates, wanted at most {}",
                                            report.path.size(), options.max_certificates)));
  }
  const bool rooted = !report.path.empty() && report.path.back() == input.root;
  if (!rooted && report.findings.empty()) {
    report.findings.push_back({.fault = ChainFault::kUntrustedRoot,
                               .depth = 0,
                               .subject = leaf,
                               .message = "path does not end in the trusted root"});
  }
}

}  // namespace

std::string_view ChainFaultName(ChainFault fault) {
  switch (fault) {
    case ChainFault::kIncomplete: return "incomplete";
    case ChainFault::kUntrustedRoot: return "untrusted-root";
    case ChainFault::kBadSignature: return "bad-signature";
    case ChainFault::kNotYetValid: return "not-yet-valid";
    case ChainFault::kExpired: return "expired";
    case ChainFault::kNotCa: return "not-ca";
    case ChainFault::kTooLong: return "too-long";
    case ChainFault::kPurpose: return "purpose";
    case ChainFault::kNonconforming: return "nonconforming";
    case ChainFault::kRevoked: return "revoked";
    case ChainFault::kCrlMissing: return "crl-missing";
    case ChainFault::kCrlBadSignature: return "crl-bad-signature";
    case ChainFault::kCrlNotYetValid: return "crl-not-yet-valid";
    case ChainFault::kCrlExpired: return "crl-expired";
    case ChainFault::kCrlNonconforming: return "crl-nonconforming";
  }
  return "nonconforming";
}

Status ChainReport::ToStatus() const {
  if (trusted()) return {};
  std::string text;
  for (const ChainFinding& finding : findings) {
    text += fmt::format("{}certificate {} ({}): {}: {}", text.empty() ? "" : "; ", finding.depth,
                        finding.subject, ChainFaultName(finding.fault), finding.message);
  }
  return Untrusted(std::move(text));
}

ChainReport VerifyChain(const ChainInput& input, const ChainOptions& options) {
  ChainReport report;
  if (!RunOpenSsl(input, options, report)) {
    report.findings.push_back({.fault = ChainFault::kNonconforming,
                               .depth = 0,
                               .subject = input.leaf.fields().subject.rfc2253,
                               .message = OpenSslError("path validation could not run")});
  }
  ClearOpenSslErrors();
  CheckCertificateTimes(input.now, report);
  if (options.require_crls) CheckCrlTimes(input, report);
  CheckIssuers(report);
  CheckEnds(input, options, report);
  return report;
}

}  // namespace strongroom::crypto
