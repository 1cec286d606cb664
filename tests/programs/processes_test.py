"""The coordinator and the agent as processes: how they end on SIGTERM, and that they leave no cores.

usage: processes_test.py   (STRONGROOM_BIN names the folder of our programs)
"""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

BIN = pathlib.Path(os.environ["STRONGROOM_BIN"])
DRAIN_SECONDS = 10  # ServerOptions.drain_timeout


class Program:
    """A process whose log is gathered."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True, **options)
        self.log, self.lines = "", threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            with self.lines:
                self.log += line
                self.lines.notify_all()
        with self.lines:
            self.lines.notify_all()

    def wait_for(self, pattern, seconds=30):
        def found():
            return re.search(pattern, self.log)
        with self.lines:
            self.lines.wait_for(found, seconds)
            if not found():
                raise AssertionError(f"no line like {pattern} in: {self.log}")
            return found()

    def end(self, seconds):
        """Exit status; the process must end by itself within the time."""
        try:
            return self.process.wait(seconds)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self.reader.join()
            self.process.stderr.close()


class CoordinatorEnds(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="strongroom-processes-")
        self.addCleanup(folder.cleanup)
        state = pathlib.Path(folder.name) / "state"
        state.mkdir()
        self.program = Program(
            [BIN / "strongroom-simtee", "run", "--state", pathlib.Path(folder.name) / "world", "--mount-writable",
             f"/state={state}", "--", BIN / "strongroom-coordinator", "--seal-dir", "/state", "--mesh-addr", "127.0.0.1:0",
             "--client-addr", "127.0.0.1:0", "--access-log"])
        self.addCleanup(self.kill)
        self.port = int(self.program.wait_for(r" ready .*client-port=(\d+)")[1])

    def kill(self):
        if self.program.process.poll() is None:
            self.program.process.kill()
            self.program.end(10)

    def connection(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection = context.wrap_socket(plain)
        self.addCleanup(connection.close)
        return connection

    def begin_request(self, size):
        """A request whose head the server has read, as it says; returns its connection."""
        connection = self.connection()
        connection.sendall(b"POST /api/v2/manifest HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % size)
        self.assertEqual(connection.recv(64), b"HTTP/1.1 100 Continue\r\n\r\n")
        return connection

    def terminate_and_wait_until_closed(self):
        """Once it takes no new connections, it drains those that it has."""
        self.program.process.terminate()
        self.program.wait_for(" ending")
        for _ in range(100):
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
                time.sleep(0.05)
                continue
            return
        self.fail("still accepts connections")

    def test_a_request_in_flight_is_answered(self):
        body = json.dumps({"manifest": "e30="}).encode()
        connection = self.begin_request(len(body))
        connection.sendall(body[:5])
        idle = self.connection()
        self.terminate_and_wait_until_closed()
        self.assertEqual(idle.recv(1), b"")  # who asks nothing is sent away at once
        connection.sendall(body[5:])
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
        self.assertRegex(answer, rb"(?is)^HTTP/1.1 500 .*connection: close.*wanted at least one package")
        self.assertEqual(self.program.end(5), 0)

    def test_a_request_that_never_ends_holds_it_up_for_the_drain_timeout_only(self):
        connection = self.begin_request(1_000_000)
        began = time.monotonic()
        self.terminate_and_wait_until_closed()
        self.program.process.send_signal(signal.SIGTERM)  # a second one changes nothing
        with self.assertRaises((ConnectionError, ssl.SSLError)):
            while time.monotonic() < began + 2 * DRAIN_SECONDS:  # fast enough to be no slow body, too slow to end
                connection.sendall(b" " * 1024)
                time.sleep(0.05)
        self.assertEqual(self.program.end(5), 0)
        self.assertTrue(DRAIN_SECONDS - 1 < time.monotonic() - began < DRAIN_SECONDS + 5)


class LeavesNoCores(unittest.TestCase):
    """Not under the simulator, which forbids its workloads the same: on a socket that never gives evidence."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="strongroom-processes-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        silent, self.evidence = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(silent.close)
        self.addCleanup(self.evidence.close)

    def check(self, command, **variables):
        variables = {"PATH": "/usr/bin:/bin", "STRONGROOM_ATTESTATION_FD": str(self.evidence.fileno()), **variables}
        program = Program(command, pass_fds=[self.evidence.fileno()], env=variables)
        try:
            wanted, said = re.compile(r"Max core file size +([01]) +\1 "), ""
            for _ in range(100):
                said = pathlib.Path(f"/proc/{program.process.pid}/limits").read_text()
                if wanted.search(said):
                    return
                time.sleep(0.05)
            self.fail(f"{command[0].name} has {said}")
        finally:
            program.process.kill()
            program.end(10)

    def test_coordinator(self):
        self.check([BIN / "strongroom-coordinator", "--seal-dir", self.folder / "state", "--mesh-addr", "127.0.0.1:0",
                    "--client-addr", "127.0.0.1:0"])

    def test_agent(self):
        config = self.folder / "agent.json"
        config.write_text(json.dumps({
            "format": "strongroom-agent/1", "marble": "server", "kind": "foreign", "program": "/bin/true",
            "coordinator": {"mrenclave": "0" * 64, "trust_anchors": ["0" * 64], "accept_any_manifest": True}}))
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))  # and listens not: the agent goes on trying
            self.check([BIN / "strongroom-agent", "run", "--config", config],
                       STRONGROOM_COORDINATOR=f"127.0.0.1:{nobody.getsockname()[1]}")


if __name__ == "__main__":
    unittest.main()
