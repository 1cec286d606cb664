"""Plays a recorded activation again, as a host could that had every message of it.

usage: replay.py HOST:PORT PROTO_FOLDER RECORDING

RECORDING has a line "METHOD BASE64" for each message (recorder.cc writes it). Sent over fresh connections: all of it as it
is; the activation with a nonce that another fresh connection was given; the activation with a nonce of its own connection,
to which its evidence does not commit. Exits 1 with the coordinator's words when it refuses each (which is what should
happen), 0 when it gives anything away, 2 when the recording is none.
"""
import base64
import pathlib
import ssl
import sys
import tempfile

import grpc
from grpc_tools import protoc


def load(folder):
    """The messages of our activation service, generated on the spot."""
    out = tempfile.mkdtemp()
    source = "strongroom/v1/coordinator.proto"
    if protoc.main(["protoc", f"-I{folder}", f"--python_out={out}", str(pathlib.Path(folder, source))]) != 0:
        print("protoc failed")
        sys.exit(2)
    sys.path.insert(0, out)
    from strongroom.v1 import coordinator_pb2
    return coordinator_pb2


def read(path):
    recording = [(method, base64.b64decode(text))
                 for method, _, text in (line.partition(" ") for line in pathlib.Path(path).read_text().splitlines())]
    if [method for method, _ in recording] != ["Attest", "Challenge", "Activate"]:
        print(f"{path} is no recorded activation: {[method for method, _ in recording]}")
        sys.exit(2)
    return recording


class Connection:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        # A thief does not verify whom he talks to: he takes the certificate that he is shown.
        shown = ssl.get_server_certificate((host, int(port))).encode()
        self.channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(shown),
                                           options=[("grpc.use_local_subchannel_pool", 1)])

    def send(self, method, message):
        """One call, bytes in and out."""
        return self.channel.unary_unary(f"/strongroom.v1.Coordinator/{method}")(message, timeout=20)


def main():
    address, folder, path = sys.argv[1:]
    messages, recording = load(folder), read(path)
    activation = messages.ActivateRequest.FromString(recording[-1][1])

    def with_nonce(connection):
        """The recorded activation with a nonce that `connection` was given."""
        fresh = messages.ChallengeResponse.FromString(connection.send("Challenge", b"")).nonce
        out = messages.ActivateRequest()
        out.CopyFrom(activation)
        out.nonce = fresh
        return out.SerializeToString()

    def as_recorded():
        connection = Connection(address)
        for method, message in recording:
            connection.send(method, message)

    def other_nonce():
        Connection(address).send("Activate", with_nonce(Connection(address)))

    def own_nonce():
        connection = Connection(address)
        connection.send("Activate", with_nonce(connection))

    for what, attempt in (("as it was recorded", as_recorded), ("with a nonce of another connection", other_nonce),
                          ("with a nonce of its own connection", own_nonce)):
        try:
            attempt()
        except grpc.RpcError as error:
            print(f"{what}: {error.code().name}: {error.details()}")
            if error.code() != grpc.StatusCode.UNAUTHENTICATED:
                print("that is no refusal")
                sys.exit(2)
        else:
            print(f"GIVEN AWAY: {what}")
            sys.exit(0)
    sys.exit(1)


if __name__ == "__main__":
    main()
