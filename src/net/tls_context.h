#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/tls_internal.h"
#include "net/transport.h"

namespace strongroom::net {

// What every connection of a context needs beside OpenSSL's own settings.
struct TlsSettings {
  bool is_server = false;
  std::vector<std::string> exporter_labels = {};
  // Set for clients that pin or ask: decides instead of OpenSSL, or besides it.
  std::function<Status(std::string_view host, const std::vector<Bytes>& chain)> check = nullptr;
  Bytes alpn = {};  // wire format, most wanted first
};

class TlsTransport final : public Transport {
 public:
  // `settings` and what is behind `context` outlive the transport.
  static Result<std::unique_ptr<Transport>> Make(int fd, SSL_CTX* context,
                                                 const TlsSettings& settings,
                                                 std::string_view host);

  Result<Progress> Handshake() override;
  Result<Progress> Read(std::span<std::uint8_t> out, std::size_t& n) override;
  Status Write(ByteView bytes) override;
  void WriteEnd() override;
  bool HasBuffered() const override;
  void Rest() override;
  TlsPeer Peer() const override;

  // Asks the settings' check, remembering a refusal for the handshake's error.
  bool PeerIsTrusted(const std::vector<Bytes>& chain);

 private:
  TlsTransport(int fd, OpenSslPtr<SSL> ssl, const TlsSettings& settings, std::string_view host);
  static const BIO_METHOD* Method();
  static int BioRead(BIO* bio, char* out, std::size_t size, std::size_t* done);
  static int BioWrite(BIO* bio, const char* in, std::size_t size, std::size_t* done);
  static long BioControl(BIO* bio, int command, long number, void* pointer);
  Status NameServer();
  Result<Progress> Fill();
  Result<Progress> Judge(int result, std::string_view doing);

  OpenSslPtr<SSL> ssl_;
  const TlsSettings& settings_;
  std::string host_;
  Buffer received_;        // from the socket, until OpenSSL has taken all of it
  std::size_t taken_ = 0;  // how much it has
  std::optional<Error> refusal_;
  std::optional<Error> lost_;
  std::optional<Result<Progress>> after_bytes_;  // the end that Read met behind bytes: told next
  bool end_ = false;
  bool starved_ = false;   // the last Read wanted more than there is: what is buffered is a part
  bool whole_ = false;     // OpenSSL was given whole records only
  std::size_t given_ = 0;  // to OpenSSL, in this call
};

}  // namespace strongroom::net
