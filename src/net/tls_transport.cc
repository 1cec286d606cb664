// TLS on the non-blocking socket: it is read in large pieces, of which OpenSSL is given a record at
// a time; what OpenSSL writes is gathered.

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "net/tls_context.h"

namespace strongroom::net {
namespace {

constexpr std::size_t kExporterBytes = 32;
// What is asked of the socket at once: a block of Buffer's. OpenSSL's own read-ahead is no
// substitute: it moves all that it holds to the front of its memory before every record.
constexpr std::size_t kReadAhead = 128 * 1024 - Buffer::kAlignment;
// How much OpenSSL is given in one call that reads: more than a record. It would take what says
// nothing (key updates, refused renegotiations) for as long as it comes, and let nobody else run.
constexpr std::size_t kMostInACall = 32 * 1024;

Bytes DerOf(X509* certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return {};
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

}  // namespace

TlsTransport::TlsTransport(int fd, OpenSslPtr<SSL> ssl, const TlsSettings& settings,
                           std::string_view host)
    : Transport(fd), ssl_(std::move(ssl)), settings_(settings), host_(host) {}

Result<std::unique_ptr<Transport>> TlsTransport::Make(int fd, SSL_CTX* context,
                                                      const TlsSettings& settings,
                                                      std::string_view host) {
  OpenSslPtr<SSL> ssl(SSL_new(context));
  OpenSslPtr<BIO> bio(BIO_new(Method()));
  if (!ssl || !bio) return Internal("cannot make a TLS connection: " + TakeOpenSslError());
  auto transport =
      std::unique_ptr<TlsTransport>(new TlsTransport(fd, std::move(ssl), settings, host));
  BIO_set_data(bio.get(), transport.get());
  BIO_set_init(bio.get(), 1);
  SSL* const raw = transport->ssl_.get();
  SSL_set_bio(raw, bio.get(), bio.get());
  static_cast<void>(bio.release());  // SSL_set_bio took it
  if (SSL_set_app_data(raw, transport.get()) != 1) return Internal("cannot mark a TLS connection");
  if (settings.is_server) {
    SSL_set_accept_state(raw);
  } else {
    RETURN_IF_ERROR(transport->NameServer());
    SSL_set_connect_state(raw);
  }
  return transport;
}

// Server name indication, and the name or address that the leaf must hold where roots are trusted.
Status TlsTransport::NameServer() {
  X509_VERIFY_PARAM* const param = SSL_get0_param(ssl_.get());
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(param, host_.c_str()) == 1) return {};
  ERR_clear_error();
  if (X509_VERIFY_PARAM_set1_host(param, host_.data(), host_.size()) != 1 ||
      SSL_set_tlsext_host_name(ssl_.get(), host_.c_str()) != 1) {
    return Malformed(fmt::format("\"{}\" is not a host name", host_));
  }
  return {};
}

// Makes sure that there is something to take, if the socket has it.
Result<Progress> TlsTransport::Fill() {
  if (!received_.empty()) return Progress::kDone;
  Buffer fresh;
  fresh.Reserve(kReadAhead);
  std::size_t n = 0;
  const auto progress = Receive(fresh.spare(), n);
  if (n == 0) return progress;
  fresh.Grow(n);
  received_ = std::move(fresh);
  taken_ = 0;
  return progress;
}

int TlsTransport::BioRead(BIO* bio, char* out, std::size_t size, std::size_t* done) {
  auto& self = *static_cast<TlsTransport*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *done = 0;
  if (self.given_ > kMostInACall && SSL_is_init_finished(self.ssl_.get())) {
    BIO_set_retry_read(bio);
    return 0;
  }
  const auto progress = self.Fill();
  if (!progress) {
    self.lost_ = progress.error();
    return 0;
  }
  if (*progress == Progress::kWantRead) BIO_set_retry_read(bio);
  self.end_ = *progress == Progress::kEnd;
  if (*progress != Progress::kDone) return 0;
  *done = std::min(size, self.received_.size() - self.taken_);
  std::memcpy(out, self.received_.data() + self.taken_, *done);
  self.taken_ += *done;
  self.given_ += *done;
  self.whole_ = false;
  if (self.taken_ == self.received_.size()) self.received_ = Buffer();  // none while it is quiet
  return 1;
}

int TlsTransport::BioWrite(BIO* bio, const char* in, std::size_t size, std::size_t* done) {
  auto& self = *static_cast<TlsTransport*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  self.wire_.Append(std::string_view(in, size));
  *done = size;
  return 1;
}

long TlsTransport::BioControl(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return static_cast<TlsTransport*>(BIO_get_data(bio))->end_ ? 1 : 0;
  return 0;
}

const BIO_METHOD* TlsTransport::Method() {
  // Made once and never freed: connections may outlive every static.
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "strongroom socket");
    BIO_meth_set_read_ex(made, BioRead);
    BIO_meth_set_write_ex(made, BioWrite);
    BIO_meth_set_ctrl(made, BioControl);
    return made;
  }();
  return method;
}

Result<Progress> TlsTransport::Judge(int result, std::string_view doing) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return Progress::kWantRead;
    case SSL_ERROR_WANT_WRITE: return Progress::kWantWrite;
    case SSL_ERROR_ZERO_RETURN: return Progress::kEnd;
    default: break;
  }
  if (refusal_) return std::unexpected(*refusal_);
  if (lost_) return std::unexpected(lost_->In(doing));
  if (end_ && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    // Clients are told, because an answer that ends with the connection might be cut short.
    if (settings_.is_server) return Progress::kEnd;
    return Unavailable("the connection ended without TLS's close_notify");
  }
  if (end_) return Unavailable(fmt::format("{}: the peer closed the connection", doing));
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK && !SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    return Untrusted(
        fmt::format("{}: peer certificate: {}", doing, X509_verify_cert_error_string(verified)));
  }
  return Unavailable(fmt::format("{}: {}", doing, TakeOpenSslError()));
}

Result<Progress> TlsTransport::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  whole_ = result == 1;
  if (result == 1) return Progress::kDone;
  return Judge(result, "TLS handshake");
}

Result<Progress> TlsTransport::Read(std::span<std::uint8_t> out, std::size_t& n) {
  n = 0;
  if (after_bytes_) return *std::exchange(after_bytes_, std::nullopt);
  ERR_clear_error();
  do {  // a record at a time
    std::size_t more = 0;
    given_ = 0;
    const int result = SSL_read_ex(ssl_.get(), out.data() + n, out.size() - n, &more);
    n += more;
    starved_ = result != 1;
    whole_ = whole_ || result == 1;
    if (result == 1) continue;
    const auto verdict = Judge(result, "TLS");
    if (n == 0) return verdict;
    if (verdict != Progress::kWantRead) after_bytes_ = verdict;
    return Progress::kDone;
  } while (n < out.size() && !Drained());
  return Progress::kDone;
}

// Not with a record begun: OpenSSL before 3.0.14 frees what it is about to read then
// (CVE-2024-4741).
void TlsTransport::Rest() {
  const bool idle = whole_ && SSL_has_pending(ssl_.get()) == 0;
  if (idle && SSL_is_init_finished(ssl_.get())) static_cast<void>(SSL_free_buffers(ssl_.get()));
}

Status TlsTransport::Write(ByteView bytes) {
  ERR_clear_error();
  std::size_t done = 0;
  if (bytes.empty()) return {};
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &done);
  if (result == 1 && done == bytes.size()) return {};
  return Unavailable("TLS: " + TakeOpenSslError());
}

void TlsTransport::WriteEnd() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_.get()))
    static_cast<void>(SSL_shutdown(ssl_.get()));  // close_notify, best effort
  ERR_clear_error();
}

// OpenSSL counts the part of a record that has come so far; until there is more of it, that gives
// nothing.
bool TlsTransport::HasBuffered() const {
  return after_bytes_ || !received_.empty() || (!starved_ && SSL_has_pending(ssl_.get()) == 1);
}

TlsPeer TlsTransport::Peer() const {
  TlsPeer peer;
  SSL* const ssl = ssl_.get();
  peer.version = SSL_version(ssl) == TLS1_3_VERSION ? TlsVersion::kTls13 : TlsVersion::kTls12;
  peer.cipher = SSL_get_cipher_name(ssl);
  const std::uint8_t* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
  if (alpn_size != 0) peer.alpn = ToText({alpn, alpn_size});
  if (OpenSslPtr<X509> leaf(SSL_get1_peer_certificate(ssl)); leaf) {
    peer.certificate_chain.push_back(DerOf(leaf.get()));
    // A server's view of the chain lacks the leaf, a client's begins with it.
    const STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(ssl);
    for (int i = settings_.is_server ? 0 : 1; chain != nullptr && i < sk_X509_num(chain); ++i) {
      peer.certificate_chain.push_back(DerOf(sk_X509_value(chain, i)));
    }
  }
  if (peer.version != TlsVersion::kTls13) return peer;
  for (const std::string& label : settings_.exporter_labels) {
    Bytes value(kExporterBytes);
    if (SSL_export_keying_material(ssl, value.data(), value.size(), label.data(), label.size(),
                                   nullptr, 0, 0) == 1) {
      peer.exporters.emplace_back(label, std::move(value));
    }
  }
  return peer;
}

}  // namespace strongroom::net
