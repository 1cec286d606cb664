"""Foreign clients against src/net's server: curl, h2load (nghttp2), grpcio. Usage: net_interop_test.py NET_ECHO_SERVER"""
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import grpc

SERVER = sys.argv.pop(1)


class Server:
    """One net_echo_server, with its certificates in a folder of its own."""

    def __init__(self, *arguments):
        self.folder = tempfile.mkdtemp(prefix="net-interop-")
        self.process = subprocess.Popen([SERVER, self.folder, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        self.tls, self.plain = words[1], words[3]

    def stop(self):
        rest, _ = self.process.communicate(timeout=30)  # closes its standard input, which stops it
        shutil.rmtree(self.folder)
        return rest

    def read(self, name):
        with open(f"{self.folder}/{name}", "rb") as file:
            return file.read()


class ServedTest(unittest.TestCase):
    arguments = ()

    def setUp(self):
        self.server = Server(*self.arguments)

    def tearDown(self):
        if self.server.process.returncode is None:
            self.server.stop()

    def curl(self, *arguments, certificate=True):
        command = ["curl", "-sS", "--max-time", "30", "--cacert", f"{self.server.folder}/server.pem"]
        if certificate:
            command += ["--cert", f"{self.server.folder}/client.pem", "--key", f"{self.server.folder}/client.key"]
        return subprocess.run([*command, *arguments], capture_output=True, check=False)


class CurlTest(ServedTest):
    def test_every_pair_of_versions(self):
        for http, major in (("--http1.1", 1), ("--http2", 2)):
            for tls, name in ((("--tls-max", "1.2"), "TLSv1.2"), (("--tlsv1.3",), "TLSv1.3")):
                done = self.curl(http, *tls, f"https://localhost:{self.server.tls}/hello/w%C3%B6rld")
                self.assertEqual(done.stdout.decode(), f"hello wörld over HTTP/{major} {name}\n", done.stderr)

    def test_plaintext_speaks_both(self):
        for flags, major in (((), 1), (("--http2-prior-knowledge",), 2)):
            done = self.curl(*flags, f"http://localhost:{self.server.plain}/hello/x", certificate=False)
            self.assertEqual(done.stdout, f"hello x over HTTP/{major} none\n".encode(), done.stderr)

    def test_large_bodies(self):
        body = bytes(i * 31 >> 3 & 255 for i in range(1 << 20)) * 5
        for http in ("--http1.1", "--http2"):
            done = subprocess.run(["curl", "-sSk", http, "--data-binary", "@-", f"https://localhost:{self.server.tls}/echo"],
                                  input=body, capture_output=True, check=False)
            self.assertEqual(done.stdout, body, done.stderr)

    def test_optional_certificates_are_seen(self):
        url = f"https://localhost:{self.server.tls}/peer"
        self.assertEqual(self.curl(url).stdout, b"somebody\n")
        self.assertEqual(self.curl(url, certificate=False).stdout, b"nobody\n")

    def test_weak_tls_is_refused(self):
        for flags in (("--tls-max", "1.1"), ("--tls-max", "1.2", "--ciphers", "AES128-GCM-SHA256"),
                      ("--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-SHA256"), ("--tlsv1.3", "--curves", "P-521")):
            done = self.curl(*flags, f"https://localhost:{self.server.tls}/peer")
            self.assertEqual(done.returncode, 35, (flags, done.stdout, done.stderr))


class RequiredCertificateTest(ServedTest):
    arguments = ("require",)

    def test_strangers_are_refused_in_the_handshake(self):
        url = f"https://localhost:{self.server.tls}/peer"
        self.assertEqual(self.curl(url).stdout, b"somebody\n")
        for tls in (("--tls-max", "1.2"), ("--tlsv1.3",)):
            done = self.curl(*tls, url, certificate=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stdout, b"")


class H2loadTest(ServedTest):
    def test_every_request_of_a_load_succeeds(self):
        for flags in ((), ("--h1",)):
            done = subprocess.run(["h2load", "-n", "10000", "-c", "10", "-m", "10", *flags, f"https://127.0.0.1:{self.server.tls}/hello/x"],
                                  capture_output=True, text=True, check=True)
            self.assertIn("10000 succeeded, 0 failed, 0 errored", done.stdout)

    def test_answers_larger_than_the_clients_windows(self):
        done = subprocess.run(["h2load", "-n", "4", "-c", "2", "-m", "2", "-w", "16", "-W", "16", f"https://127.0.0.1:{self.server.tls}/big"],
                              capture_output=True, text=True, check=True)
        self.assertIn("4 succeeded, 0 failed, 0 errored", done.stdout)


class GrpcTest(ServedTest):
    arguments = ("require",)

    def setUp(self):
        super().setUp()
        credentials = grpc.ssl_channel_credentials(self.server.read("server.pem"), self.server.read("client.key"),
                                                   self.server.read("client.pem"))
        self.channel = grpc.secure_channel(f"localhost:{self.server.tls}", credentials,
                                           options=[("grpc.max_receive_message_length", -1)])

    def tearDown(self):
        self.channel.close()
        super().tearDown()

    def method(self, name):
        return self.channel.unary_unary(name, request_serializer=bytes, response_deserializer=bytes)

    def fails(self, name, code, message=b"", **options):
        with self.assertRaises(grpc.RpcError) as caught:
            self.method(name)(message, **options)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception.details()

    def test_messages_of_all_sizes_packed_and_not(self):
        for size in (0, 1, 16, 600 * 1024, 5 << 20):
            message = bytes(i * 7 & 255 for i in range(4096)) * (size // 4096 + 1)
            message = message[:size]
            for packing in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
                self.assertEqual(self.method("/test.Echo/Echo")(message, compression=packing), message)

    def test_errors_arrive_as_statuses(self):
        self.assertEqual(self.fails("/test.Echo/Refuse", grpc.StatusCode.PERMISSION_DENIED), "50 % of äll\n")
        self.fails("/test.Echo/None", grpc.StatusCode.UNIMPLEMENTED)
        self.fails("/test.Echo/Echo", grpc.StatusCode.RESOURCE_EXHAUSTED, bytes(17 << 20))
        self.assertEqual(self.method("/test.Echo/Echo")(b"still here"), b"still here")

    def test_deadlines_and_metadata(self):
        self.fails("/test.Echo/Never", grpc.StatusCode.DEADLINE_EXCEEDED, timeout=0.2)
        self.assertEqual(self.method("/test.Echo/Metadata")(b"", metadata=[("x-test", "yes")], timeout=10), b"yes true")

    def test_cancelled_calls_are_seen_by_their_handler(self):
        call = self.method("/test.Echo/Never").future(b"")
        self.assertEqual(self.method("/test.Echo/Echo")(b"a"), b"a")  # the first has surely left
        time.sleep(0.05)
        call.cancel()
        self.assertIn("cancelled", self.server.process.stdout.readline())

    def test_health(self):
        check = self.method("/grpc.health.v1.Health/Check")
        self.assertEqual(check(b""), b"\x08\x01")
        self.assertEqual(check(b"\x0a\x07resting"), b"\x08\x02")
        self.fails("/grpc.health.v1.Health/Check", grpc.StatusCode.NOT_FOUND, b"\x0a\x04none")


if __name__ == "__main__":
    unittest.main()
