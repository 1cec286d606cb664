#include "base/packet_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/result_matchers.h"

namespace strongroom {
namespace {

using testing::Fails;

struct Pair {
  Pair() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    left = UniqueFd(fds[0]);
    right = UniqueFd(fds[1]);
  }
  UniqueFd left, right;
};

TEST(PacketSocket, CarriesPacketsWithAndWithoutADescriptor) {
  const Pair pair;
  ASSERT_OK(SendPacket(pair.left.get(), AsBytes("plain")));
  ASSERT_OK(SendPacket(pair.left.get(), AsBytes("with"), pair.left.get()));
  ASSERT_OK_AND_ASSIGN(const Packet plain, ReceivePacket(pair.right.get(), 100));
  EXPECT_EQ(AsText(plain.bytes), "plain");
  EXPECT_TRUE(plain.descriptors.empty());
  ASSERT_OK_AND_ASSIGN(const Packet with, ReceivePacket(pair.right.get(), 100));
  EXPECT_EQ(AsText(with.bytes), "with");
  ASSERT_EQ(with.descriptors.size(), 1U);
  EXPECT_FALSE(with.truncated);
  // The copy is another descriptor of the same socket, and no program started from here gets it.
  const int copy = with.descriptors.front().get();
  EXPECT_NE(copy, pair.left.get());
  EXPECT_EQ(fcntl(copy, F_GETFD), FD_CLOEXEC);
  ASSERT_OK(SendPacket(copy, AsBytes("by the copy")));
  ASSERT_OK_AND_ASSIGN(const Packet by_copy, ReceivePacket(pair.right.get(), 100));
  EXPECT_EQ(AsText(by_copy.bytes), "by the copy");
}

TEST(PacketSocket, SaysWhatWasCutOff) {
  const Pair pair;
  ASSERT_OK(SendPacket(pair.left.get(), AsBytes("12345")));
  ASSERT_OK_AND_ASSIGN(const Packet cut, ReceivePacket(pair.right.get(), 4));
  EXPECT_EQ(AsText(cut.bytes), "1234");
  EXPECT_TRUE(cut.truncated);
  ASSERT_OK(SendPacket(pair.left.get(), AsBytes("1234")));
  ASSERT_OK_AND_ASSIGN(const Packet whole, ReceivePacket(pair.right.get(), 4));
  EXPECT_FALSE(whole.truncated);
}

TEST(PacketSocket, TheEndIsAnEmptyPacketAndSendingToItFails) {
  Pair pair;
  pair.left.Reset();
  ASSERT_OK_AND_ASSIGN(const Packet end, ReceivePacket(pair.right.get(), 4));
  EXPECT_TRUE(end.bytes.empty());
  EXPECT_THAT(SendPacket(pair.right.get(), AsBytes("x")), Fails(Code::kInternal, "Broken pipe"));
  EXPECT_FALSE(ReceivePacket(-1, 4).has_value());
}

}  // namespace
}  // namespace strongroom
