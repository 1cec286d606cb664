#include "net/tls_context.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/err.h>

namespace strongroom::net {
namespace {

constexpr char kTls12Ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr char kTls13Suites[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char kGroups[] = "X25519:P-256:P-384";

Bytes AlpnList(bool http2, bool http1) {
  Bytes out;
  if (http2) out.insert(out.end(), {2, 'h', '2'});
  if (http1) out.insert(out.end(), {8, 'h', 't', 't', 'p', '/', '1', '.', '1'});
  return out;
}

std::vector<Bytes> PresentedChain(X509_STORE_CTX* store) {
  std::vector<Bytes> out;
  const auto add = [&out](X509* certificate) {
    std::uint8_t* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    if (size <= 0) return;
    out.emplace_back(der, der + size);
    OPENSSL_free(der);
  };
  X509* const leaf = X509_STORE_CTX_get0_cert(store);
  if (leaf != nullptr) add(leaf);
  const STACK_OF(X509)* const rest = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; rest != nullptr && i < sk_X509_num(rest); ++i) {
    X509* const certificate = sk_X509_value(rest, i);
    if (X509_cmp(certificate, leaf) != 0) add(certificate);
  }
  return out;
}

int AcceptAnyClient(X509_STORE_CTX*, void*) { return 1; }

int AskCheck(X509_STORE_CTX* store, void*) {
  const auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const transport = static_cast<TlsTransport*>(SSL_get_app_data(ssl));
  if (transport->PeerIsTrusted(PresentedChain(store))) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

int VerifyThenAskCheck(X509_STORE_CTX* store, void* unused) {
  return X509_verify_cert(store) == 1 ? AskCheck(store, unused) : 0;
}

int SelectAlpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
               unsigned in_size, void* arg) {
  const Bytes& ours = *static_cast<const Bytes*>(arg);
  unsigned char* selected = nullptr;
  const int result = SSL_select_next_proto(&selected, out_size, ours.data(),
                                           static_cast<unsigned>(ours.size()), in, in_size);
  *out = selected;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

class OpenSslContext final : public TlsContext {
 public:
  OpenSslContext(OpenSslPtr<SSL_CTX> context, TlsSettings settings)
      : context_(std::move(context)), settings_(std::move(settings)) {
    if (settings_.is_server)
      SSL_CTX_set_alpn_select_cb(context_.get(), SelectAlpn, &settings_.alpn);
  }

  Result<std::unique_ptr<Transport>> NewTransport(int fd, std::string_view host) const override {
    return TlsTransport::Make(fd, context_.get(), settings_, host);
  }

 private:
  OpenSslPtr<SSL_CTX> context_;
  TlsSettings settings_;
};

// The profile that both sides share.
Status ApplyProfile(SSL_CTX* context, TlsVersion minimum) {
  const int version = minimum == TlsVersion::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(context, version) != 1 ||
      SSL_CTX_set_cipher_list(context, kTls12Ciphers) != 1 ||
      SSL_CTX_set_ciphersuites(context, kTls13Suites) != 1 ||
      SSL_CTX_set1_groups_list(context, kGroups) != 1 || SSL_CTX_set_num_tickets(context, 0) != 1) {
    return Internal("cannot set the TLS profile: " + TakeOpenSslError());
  }
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return {};
}

Status ApplyCredentials(SSL_CTX* context, const Credentials& credentials) {
  const auto& parsed = credentials.parsed();
  bool ok = SSL_CTX_use_certificate(context, parsed.chain.front().get()) == 1;
  for (std::size_t i = 1; ok && i < parsed.chain.size(); ++i) {
    ok = SSL_CTX_add1_chain_cert(context, parsed.chain[i].get()) == 1;
  }
  ok = ok && SSL_CTX_use_PrivateKey(context, parsed.key.get()) == 1;
  if (!ok) return Malformed("cannot use these credentials for TLS: " + TakeOpenSslError());
  // Send what we were given and nothing that OpenSSL would add from a store.
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  return {};
}

Status ApplyRoots(SSL_CTX* context, const std::vector<Bytes>& roots) {
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const Bytes& der : roots) {
    ASSIGN_OR_RETURN(const auto root, ParseCertificate(der));
    if (X509_STORE_add_cert(store, root.get()) != 1)
      return Internal("cannot add a root: " + TakeOpenSslError());
  }
  // The given certificates are the anchors, whether or not they are self-signed.
  if (X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1)
    return Internal("cannot set up a root store");
  return {};
}

Result<OpenSslPtr<SSL_CTX>> NewContext(const SSL_METHOD* method, TlsVersion minimum) {
  OpenSslPtr<SSL_CTX> context(SSL_CTX_new(method));
  if (!context) return Internal("cannot make a TLS context: " + TakeOpenSslError());
  RETURN_IF_ERROR(ApplyProfile(context.get(), minimum));
  return context;
}

std::function<Status(std::string_view, const std::vector<Bytes>&)> PinCheck(Bytes pinned) {
  return [pinned = std::move(pinned)](std::string_view host,
                                      const std::vector<Bytes>& chain) -> Status {
    if (Equal(chain.front(), pinned)) return {};
    return Untrusted(fmt::format("{} shows another certificate than the pinned one", host));
  };
}

Status ApplyTrust(SSL_CTX* context, const Trust& trust, TlsSettings& settings) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (const auto* const roots = std::get_if<TrustRoots>(&trust)) {
    if (roots->roots.empty()) return Malformed("no root to trust, wanted at least one certificate");
    settings.check = roots->also;
    if (settings.check) SSL_CTX_set_cert_verify_callback(context, VerifyThenAskCheck, nullptr);
    return ApplyRoots(context, roots->roots);
  }
  if (const auto* const pinned = std::get_if<TrustPinned>(&trust))
    settings.check = PinCheck(pinned->certificate);
  if (const auto* const check = std::get_if<TrustCheck>(&trust)) settings.check = check->check;
  if (!settings.check) return Malformed("a peer check without a function");
  SSL_CTX_set_cert_verify_callback(context, AskCheck, nullptr);
  return {};
}

int VerifyMode(ClientCertificate wanted) {
  switch (wanted) {
    case ClientCertificate::kNone: return SSL_VERIFY_NONE;
    case ClientCertificate::kOptional: return SSL_VERIFY_PEER;
    case ClientCertificate::kRequired: return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

}  // namespace

bool TlsTransport::PeerIsTrusted(const std::vector<Bytes>& chain) {
  const Status status = chain.empty() ? Status(Untrusted("the server shows no certificate"))
                                      : settings_.check(host_, chain);
  if (!status) refusal_ = status.error();
  return status.has_value();
}

Result<std::shared_ptr<const TlsContext>> TlsContext::ForServer(const TlsServerOptions& options) {
  ASSIGN_OR_RETURN(auto context, NewContext(TLS_server_method(), options.minimum));
  RETURN_IF_ERROR(ApplyCredentials(context.get(), options.credentials));
  SSL_CTX_set_verify(context.get(), VerifyMode(options.client_certificate), nullptr);
  if (options.client_roots.empty()) {
    SSL_CTX_set_cert_verify_callback(context.get(), AcceptAnyClient, nullptr);
  } else {
    RETURN_IF_ERROR(ApplyRoots(context.get(), options.client_roots));
  }
  return std::make_shared<OpenSslContext>(std::move(context),
                                          TlsSettings{.is_server = true,
                                                      .exporter_labels = options.exporter_labels,
                                                      .alpn = AlpnList(true, true)});
}

Result<std::shared_ptr<const TlsContext>> TlsContext::ForClient(const TlsClientOptions& options,
                                                                bool offer_http2,
                                                                bool offer_http1) {
  ASSIGN_OR_RETURN(auto context, NewContext(TLS_client_method(), options.minimum));
  TlsSettings settings{.is_server = false,
                       .exporter_labels = options.exporter_labels,
                       .alpn = AlpnList(offer_http2, offer_http1)};
  RETURN_IF_ERROR(ApplyTrust(context.get(), options.trust, settings));
  if (options.credentials != nullptr)
    RETURN_IF_ERROR(ApplyCredentials(context.get(), *options.credentials));
  // SSL_CTX_set_alpn_protos returns 0 for success.
  if (SSL_CTX_set_alpn_protos(context.get(), settings.alpn.data(),
                              static_cast<unsigned>(settings.alpn.size())) != 0) {
    return Internal("cannot set ALPN: " + TakeOpenSslError());
  }
  return std::make_shared<OpenSslContext>(std::move(context), std::move(settings));
}

}  // namespace strongroom::net
