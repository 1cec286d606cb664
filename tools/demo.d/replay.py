"""Plays recorded evidence of a genuine enclave again, in an activation of one's own.

usage: replay.py HOST:PORT PROTO_FOLDER MARBLE QUOTE_FILE CSR_FILE

Tries a nonce of another connection, a fresh nonce with evidence that does not commit to it, and a used nonce. Exits 1 with the
coordinator's words when it refuses (which is what should happen), 0 when it gives anything away.
"""
import pathlib
import ssl
import sys
import tempfile
import uuid

import grpc
from grpc_tools import protoc


def load(folder):
    """The messages of our activation service, generated on the spot."""
    out = tempfile.mkdtemp()
    source = "strongroom/v1/coordinator.proto"
    if protoc.main(["protoc", f"-I{folder}", f"--python_out={out}", str(pathlib.Path(folder, source))]) != 0:
        sys.exit("protoc failed")
    sys.path.insert(0, out)
    from strongroom.v1 import coordinator_pb2
    return coordinator_pb2


class Connection:
    def __init__(self, address, messages):
        host, port = address.rsplit(":", 1)
        # A thief does not verify whom he talks to: he takes the certificate that he is shown.
        shown = ssl.get_server_certificate((host, int(port))).encode()
        self.channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(shown),
                                           options=[("grpc.use_local_subchannel_pool", 1)])
        self.messages = messages

    def call(self, method, request, answer):
        rpc = self.channel.unary_unary(f"/strongroom.v1.Coordinator/{method}", lambda m: m.SerializeToString(),
                                       answer.FromString)
        return rpc(request, timeout=20)

    def challenge(self):
        return self.call("Challenge", self.messages.ChallengeRequest(), self.messages.ChallengeResponse).nonce


def main():
    address, folder, marble, quote_file, csr_file = sys.argv[1:]
    messages = load(folder)
    first, second = Connection(address, messages), Connection(address, messages)
    quote, csr = pathlib.Path(quote_file).read_bytes(), pathlib.Path(csr_file).read_bytes()

    def activation(nonce):
        return messages.ActivateRequest(marble=marble, uuid=str(uuid.uuid4()), csr=csr, nonce=nonce,
                                        evidence=quote)

    of_first, used = first.challenge(), first.challenge()
    for what, connection, nonce in (("a nonce of another connection", second, of_first),
                                    ("foreign evidence on its own connection", first, used),
                                    ("a used nonce", first, used)):
        try:
            connection.call("Activate", activation(nonce), messages.ActivateResponse)
            print(f"GIVEN AWAY: {what}")
            sys.exit(0)
        except grpc.RpcError as error:
            print(f"{what}: {error.code().name}: {error.details()}")
    sys.exit(1)


if __name__ == "__main__":
    main()
