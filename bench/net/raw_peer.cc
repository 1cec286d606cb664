#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>
#include <vector>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "peers.h"

namespace strongroom::bench {
namespace {

SSL_CTX* NewContext(const SSL_METHOD* method) {
  SSL_CTX* const context = SSL_CTX_new(method);
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  return context;
}

bool ReadExactly(SSL* ssl, std::uint8_t* out, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const int n = SSL_read(ssl, out + done, static_cast<int>(size - done));
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

void ServeOne(SSL_CTX* context, int fd) {
  SSL* const ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  std::vector<std::uint8_t> message;
  const std::vector<std::uint8_t> reply(kReplyBytes, 'r');
  std::uint32_t size = 0;
  if (SSL_accept(ssl) == 1) {
    while (ReadExactly(ssl, reinterpret_cast<std::uint8_t*>(&size), sizeof size)) {
      message.resize(size);
      if (!ReadExactly(ssl, message.data(), size) ||
          SSL_write(ssl, reply.data(), static_cast<int>(reply.size())) <= 0)
        break;
    }
  }
  SSL_free(ssl);
  ::close(fd);
}

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void NoDelay(int fd) {
  const int on = 1;
  static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

class OpenSslClient final : public RawClient {
 public:
  OpenSslClient(SSL* ssl, int fd) : ssl_(ssl), fd_(fd) {}
  ~OpenSslClient() override {
    SSL_free(ssl_);
    ::close(fd_);
  }

  Status Call(ByteView message) override {
    framed_.resize(sizeof(std::uint32_t) + message.size());
    const auto size = static_cast<std::uint32_t>(message.size());
    std::memcpy(framed_.data(), &size, sizeof size);
    std::memcpy(framed_.data() + sizeof size, message.data(), message.size());
    std::array<std::uint8_t, kReplyBytes> reply{};
    if (SSL_write(ssl_, framed_.data(), static_cast<int>(framed_.size())) <= 0 ||
        !ReadExactly(ssl_, reply.data(), reply.size())) {
      return Unavailable("the raw peer is gone");
    }
    return {};
  }

 private:
  SSL* ssl_;
  int fd_;
  Bytes framed_;
};

}  // namespace

Result<std::uint16_t> ServeRawPeer(const PemIdentity& identity) {
  SSL_CTX* const context = NewContext(TLS_server_method());
  BIO* const cert_bio =
      BIO_new_mem_buf(identity.certificate.data(), static_cast<int>(identity.certificate.size()));
  BIO* const key_bio = BIO_new_mem_buf(identity.key.data(), static_cast<int>(identity.key.size()));
  X509* const certificate = PEM_read_bio_X509(cert_bio, nullptr, nullptr, nullptr);
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(key_bio, nullptr, nullptr, nullptr);
  if (SSL_CTX_use_certificate(context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey(context, key) != 1) {
    return Malformed("the raw peer's identity");
  }
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 16) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return Unavailable("the raw peer cannot listen");
  }
  std::thread([fd, context] {
    for (;;) {
      const int accepted = ::accept(fd, nullptr, nullptr);
      if (accepted < 0) return;
      NoDelay(accepted);
      ServeOne(context, accepted);
    }
  }).detach();  // for the rest of the process
  return ntohs(address.sin_port);
}

Result<std::unique_ptr<RawClient>> RawClient::Connect(std::uint16_t port) {
  static SSL_CTX* const context = NewContext(TLS_client_method());
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = Loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Unavailable("connect");
  NoDelay(fd);
  SSL* const ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  auto client = std::make_unique<OpenSslClient>(ssl, fd);
  if (SSL_connect(ssl) != 1) return Unavailable("the raw peer's handshake failed");
  return client;
}

}  // namespace strongroom::bench
