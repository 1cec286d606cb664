"""Asks a model without pause, by gRPC balanced over pods or by a new connection a request, until standard input ends.

usage: load.py TARGET --model NAME --image FILE.npy --answer FILE.npy --root FILE --cert FILE --key FILE
               [--server-name NAME] [--rate N] [--clients N]

TARGET is what gRPC takes: dns:///name:port asks every address that the name has in turn, ip:port one. Prints one line of
JSON: requests, the failed ones' errors, those answered otherwise than by the plain model, milliseconds at p50 and p99.
"""

import argparse
import json
import pathlib
import sys
import threading
import time

import grpc
import numpy as np
from tritonclient.grpc import service_pb2


class Client(threading.Thread):
    """One connection (to each pod), one request at a time, at a steady rate."""

    def __init__(self, arguments, stop):
        super().__init__(daemon=True)
        self.stop, self.pause = stop, arguments.clients / arguments.rate
        self.milliseconds, self.errors, self.wrong = [], [], 0
        self.request, self.answer = request(arguments.model, np.load(arguments.image)[:1]), np.load(arguments.answer)[:1]
        credentials = grpc.ssl_channel_credentials(*(pathlib.Path(f).read_bytes() for f in (arguments.root, arguments.key, arguments.cert)))
        self.channel = grpc.secure_channel(arguments.target, credentials, options=(
            ("grpc.lb_policy_name", "round_robin"), ("grpc.ssl_target_name_override", arguments.server_name),
            ("grpc.dns_min_time_between_resolutions_ms", 200), ("grpc.use_local_subchannel_pool", 1)))
        self.ask = self.channel.unary_unary("/inference.GRPCInferenceService/ModelInfer",
                                            request_serializer=service_pb2.ModelInferRequest.SerializeToString,
                                            response_deserializer=service_pb2.ModelInferResponse.FromString)

    def run(self):
        while not self.stop.wait(self.pause):
            began = time.monotonic()
            try:
                response = self.ask(self.request, timeout=20)
            except grpc.RpcError as error:
                self.errors.append(f"{error.code().name}: {error.details()}")
                continue
            self.milliseconds.append((time.monotonic() - began) * 1000)
            got = np.frombuffer(response.raw_output_contents[0], dtype=np.float32)
            self.wrong += not np.array_equal(got, self.answer.ravel())
        self.channel.close()


def request(model, image):
    message = service_pb2.ModelInferRequest(model_name=model)
    message.inputs.add(name="image", datatype="FP32", shape=image.shape)
    message.raw_input_contents.append(image.astype(np.float32).tobytes())
    return message


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("target")
    for name in ("model", "image", "answer", "root", "cert", "key"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--server-name", default="modelserver")
    parser.add_argument("--rate", type=float, default=20, help="requests a second, together")
    parser.add_argument("--clients", type=int, default=4)
    arguments = parser.parse_args()
    stop = threading.Event()
    clients = [Client(arguments, stop) for _ in range(arguments.clients)]
    for client in clients:
        client.start()
    print("asking", flush=True)
    sys.stdin.read()
    stop.set()
    for client in clients:
        client.join()
    times = sorted(t for client in clients for t in client.milliseconds) or [0.0]
    errors = [error for client in clients for error in client.errors]
    print(json.dumps({"requests": len(errors) + sum(len(client.milliseconds) for client in clients), "failed": errors,
                      "wrong": sum(client.wrong for client in clients),
                      "p50_ms": round(times[len(times) // 2], 2), "p99_ms": round(times[len(times) * 99 // 100], 2)}))


if __name__ == "__main__":
    main()
