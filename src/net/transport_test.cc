#include "net/transport.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "base/files.h"
#include "net/net_testing.h"
#include "net/tls_internal.h"
#include "testing/result_matchers.h"

namespace strongroom::net {
namespace {

constexpr std::size_t kMoreThanARecord = 20'000;

// One end of a connection, and the wire as the other end of its socket.
struct End {
  UniqueFd socket;
  UniqueFd wire;
  std::unique_ptr<Transport> transport;
};

End Connect(const TlsContext* context) {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  End end{.socket = UniqueFd(fds[0]), .wire = UniqueFd(fds[1]), .transport = nullptr};
  end.transport = context == nullptr ? MakePlainTransport(fds[0])
                                     : context->NewTransport(fds[0], "127.0.0.1").value();
  return end;
}

// What `end` has sent and nobody has taken yet.
Bytes TakeSent(End& end) {
  EXPECT_OK(end.transport->Flush());
  Bytes out(1 << 20);
  const ssize_t n = read(end.wire.get(), out.data(), out.size());
  out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return out;
}

void Give(End& end, ByteView bytes) {
  EXPECT_EQ(write(end.wire.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}

// How much a read gives.
std::size_t ReadOnce(End& end, std::size_t room = 1 << 17) {
  Bytes out(room);
  std::size_t n = 0;
  const auto progress = end.transport->Read(out, n);
  EXPECT_OK(progress);
  EXPECT_EQ(*progress, n == 0 ? Progress::kWantRead : Progress::kDone);
  return n;
}

class TransportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const TestIdentity identity = MakeTestIdentity("localhost");
    server_context_ = TlsContext::ForServer({.credentials = identity.credentials}).value();
    const TlsClientOptions trusting{.trust =
                                        TrustCheck{[](auto, const auto&) { return Status(); }}};
    client_context_ = TlsContext::ForClient(trusting, false, true).value();
    server_ = Connect(server_context_.get());
    client_ = Connect(client_context_.get());
    for (int turn = 0; turn < 4; ++turn) {
      ASSERT_OK(client_.transport->Handshake());
      Give(server_, TakeSent(client_));
      ASSERT_OK(server_.transport->Handshake());
      Give(client_, TakeSent(server_));
    }
    ASSERT_EQ(*server_.transport->Handshake(), Progress::kDone);
    ASSERT_EQ(ReadOnce(server_), 0U);
  }

  std::shared_ptr<const TlsContext> server_context_;
  std::shared_ptr<const TlsContext> client_context_;
  End server_;
  End client_;
};

// Otherwise a loop that asks for what is buffered would never rest.
TEST_F(TransportTest, APartOfARecordIsNothingToRead) {
  ASSERT_OK(client_.transport->Write(Bytes(kMoreThanARecord / 2, 'x')));
  const Bytes record = TakeSent(client_);
  std::size_t given = 0;
  for (const std::size_t part :
       {std::size_t{3}, std::size_t{5}, std::size_t{6}, record.size() - 1}) {
    Give(server_, ByteView(record).subspan(given, part - given));
    given = part;
    EXPECT_EQ(ReadOnce(server_), 0U) << part;
    EXPECT_FALSE(server_.transport->HasBuffered()) << part;
  }
  Give(server_, ByteView(record).last(1));
  EXPECT_EQ(ReadOnce(server_), kMoreThanARecord / 2);
}

TEST_F(TransportTest, SaysWhetherMoreCanBeReadWithoutTheSocket) {
  ASSERT_OK(client_.transport->Write(Bytes(kMoreThanARecord, 'x')));
  Give(server_, TakeSent(client_));
  std::size_t got = ReadOnce(server_, 1000);
  EXPECT_EQ(got, 1000U);
  EXPECT_TRUE(server_.transport->HasBuffered());
  EXPECT_FALSE(server_.transport->Drained());
  while (got < kMoreThanARecord) {
    ASSERT_TRUE(server_.transport->HasBuffered()) << got;
    got += ReadOnce(server_);
  }
  EXPECT_FALSE(server_.transport->HasBuffered());
  EXPECT_TRUE(server_.transport->Drained());
}

// As many records as there is room for, and no record twice.
TEST_F(TransportTest, ReadsManyRecordsAtOnce) {
  Bytes sent(10 * kMoreThanARecord);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::uint8_t>(i * 7 / 5);
  ASSERT_OK(client_.transport->Write(sent));
  Give(server_, TakeSent(client_));
  Bytes got;
  std::size_t reads = 0;
  for (; got.size() < sent.size(); ++reads) {
    Bytes part(sent.size() / 2);
    std::size_t n = 0;
    ASSERT_EQ(*server_.transport->Read(part, n), Progress::kDone);
    got.insert(got.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n));
  }
  EXPECT_EQ(got, sent);
  EXPECT_EQ(reads, 2U);
  EXPECT_FALSE(server_.transport->HasBuffered());
}

TEST_F(TransportTest, TellsAnEndAfterTheBytesBeforeIt) {
  ASSERT_OK(client_.transport->Write(Bytes(1000, 'x')));
  client_.transport->WriteEnd();
  Give(server_, TakeSent(client_));
  EXPECT_EQ(ReadOnce(server_), 1000U);
  std::size_t n = 0;
  Bytes out(10);
  EXPECT_EQ(*server_.transport->Read(out, n), Progress::kEnd);
  EXPECT_EQ(n, 0U);
}

TEST_F(TransportTest, TellsADamagedRecordAfterTheBytesBeforeIt) {
  ASSERT_OK(client_.transport->Write(Bytes(1000, 'x')));
  Bytes wire = TakeSent(client_);
  ASSERT_OK(client_.transport->Write(Bytes(1000, 'y')));
  Bytes damaged = TakeSent(client_);
  damaged.back() ^= 1;
  wire.insert(wire.end(), damaged.begin(), damaged.end());
  Give(server_, wire);
  EXPECT_EQ(ReadOnce(server_), 1000U);
  EXPECT_TRUE(server_.transport->HasBuffered());
  std::size_t n = 0;
  Bytes out(10);
  const auto progress = server_.transport->Read(out, n);
  ASSERT_FALSE(progress.has_value());
  EXPECT_NE(progress.error().ToString().find("bad record mac"), std::string::npos)
      << progress.error().ToString();
  EXPECT_EQ(n, 0U);
}

// What waits has no need of it, and what has begun to come keeps it.
TEST_F(TransportTest, RestingLosesNothing) {
  ASSERT_OK(client_.transport->Write(Bytes(5000, 'x')));
  const Bytes record = TakeSent(client_);
  for (const std::size_t split :
       {std::size_t{0}, std::size_t{3}, std::size_t{5}, record.size() / 2}) {
    if (split != 0) {
      ASSERT_OK(client_.transport->Write(Bytes(5000, 'x')));
    }
    const Bytes next = split == 0 ? record : TakeSent(client_);
    server_.transport->Rest();
    Give(server_, ByteView(next).first(split));
    EXPECT_EQ(ReadOnce(server_), 0U);
    server_.transport->Rest();
    Give(server_, ByteView(next).subspan(split));
    EXPECT_EQ(ReadOnce(server_, 100), 100U);
    server_.transport->Rest();
    EXPECT_EQ(ReadOnce(server_), 4900U);
  }
}

// OpenSSL alone would read key updates until none is left, and nobody else would have a turn.
TEST_F(TransportTest, RecordsThatSayNothingAreReadInTurns) {
  constexpr int kUpdates = 5000;  // of 27 bytes each
  server_ = Connect(server_context_.get());
  const OpenSslPtr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  const OpenSslPtr<SSL> peer(SSL_new(context.get()));
  BIO* const from_server = BIO_new(BIO_s_mem());
  BIO* const to_server = BIO_new(BIO_s_mem());
  SSL_set_bio(peer.get(), from_server, to_server);
  SSL_set_connect_state(peer.get());
  const auto pass_on = [&] {
    char* sent = nullptr;
    const long size = BIO_get_mem_data(to_server, &sent);
    Give(server_, AsBytes(std::string_view(sent, static_cast<std::size_t>(size))));
    ASSERT_EQ(BIO_reset(to_server), 1);
  };
  for (int turn = 0; turn < 3; ++turn) {
    SSL_do_handshake(peer.get());
    pass_on();
    ASSERT_OK(server_.transport->Handshake());
    const Bytes answer = TakeSent(server_);
    BIO_write(from_server, answer.data(), static_cast<int>(answer.size()));
  }
  ASSERT_EQ(SSL_is_init_finished(peer.get()), 1);
  for (int i = 0; i < kUpdates; ++i) {
    ASSERT_EQ(SSL_key_update(peer.get(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(peer.get()), 1);
  }
  ASSERT_EQ(SSL_write(peer.get(), "hello", 5), 5);
  pass_on();
  int turns = 1;
  for (; turns < 100 && ReadOnce(server_) == 0; ++turns) {
    EXPECT_FALSE(server_.transport->Drained());
    server_.transport->Rest();
  }
  EXPECT_GE(turns, 4);
  EXPECT_LT(turns, 10);
}

TEST_F(TransportTest, IsNotDrainedAsLongAsAReadIsFilled) {
  End plain = Connect(nullptr);
  Give(plain, Bytes(100, 'x'));
  EXPECT_EQ(ReadOnce(plain, 60), 60U);
  EXPECT_FALSE(plain.transport->Drained());
  EXPECT_EQ(ReadOnce(plain, 60), 40U);
  EXPECT_TRUE(plain.transport->Drained());
}

}  // namespace
}  // namespace strongroom::net
