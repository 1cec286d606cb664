#pragma once

// What chain tests share: OpenSSL's own validation, to hold ours against, and findings as they are
// expected.

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/chain.h"
#include "crypto/openssl_internal.h"

namespace strongroom::crypto {

using X509CrlPtr = OpenSslPtr<X509_CRL, X509_CRL_free>;

inline void AddList(X509_STORE* store, const Crl& crl) {
  const std::uint8_t* at = crl.der().data();
  const X509CrlPtr native(d2i_X509_CRL(nullptr, &at, static_cast<long>(crl.der().size())));
  ASSERT_NE(native, nullptr);
  ASSERT_EQ(X509_STORE_add_crl(store, native.get()), 1);
}

inline bool OpenSslTrusts(const ChainInput& input, const ChainOptions& options) {
  const OpenSslPtr<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const OpenSslPtr<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  X509_STORE_add_cert(store.get(), Native(input.root));
  for (const Crl& crl : input.crls) AddList(store.get(), crl);
  STACK_OF(X509)* untrusted = sk_X509_new_null();
  for (const Certificate& certificate : input.intermediates) {
    sk_X509_push(untrusted, Native(certificate));
  }
  X509_STORE_CTX_init(context.get(), store.get(), Native(input.leaf), untrusted);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  unsigned long flags = X509_V_FLAG_CHECK_SS_SIGNATURE;
  if (options.require_crls) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  if (options.strict) flags |= X509_V_FLAG_X509_STRICT;
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  X509_VERIFY_PARAM_set_time(parameters, ToInt(input.now));
  X509_VERIFY_PARAM_set_depth(parameters, options.max_certificates - 2);
  if (options.purpose == ChainPurpose::kTlsServer) {
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  } else if (options.purpose == ChainPurpose::kTlsClient) {
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT);
  }
  const bool trusted = X509_verify_cert(context.get()) == 1;
  sk_X509_free(untrusted);
  ClearOpenSslErrors();
  return trusted;
}

struct Expected {
  ChainFault fault;
  int depth;
  bool operator==(const Expected&) const = default;
};

inline std::string Describe(const ChainReport& report) {
  const Status status = report.ToStatus();
  return status.has_value() ? "trusted" : status.error().message();
}

inline std::vector<Expected> FaultsOf(const ChainReport& report) {
  std::vector<Expected> out;
  for (const ChainFinding& finding : report.findings) out.push_back({finding.fault, finding.depth});
  return out;
}

}  // namespace strongroom::crypto
