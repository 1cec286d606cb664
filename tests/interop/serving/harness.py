"""Plays owner, agent and host around the real model server: trains, encrypts, hands over, starts."""

import contextlib
import hashlib
import os
import pathlib
import re
import select
import ssl
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("STRONGROOM_BIN", SOURCE / "build/dev/bin"))


def run(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{command}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def generate_protos(out):
    """Python stubs of what is our own, to play the agent; the foreign protocols come with the foreign clients."""
    out.mkdir()
    protos = ["strongroom/v1/coordinator.proto", "strongroom/v1/handover.proto"]
    run(sys.executable, "-m", "grpc_tools.protoc", f"-I{SOURCE / 'proto'}", f"--python_out={out}",
        f"--grpc_python_out={out}", *protos)
    sys.path.insert(0, str(out))


class Certificate:
    """A self-signed P-256 certificate and its key, as files and as bytes."""

    def __init__(self, folder, name, days=2):
        self.key_path, self.path = folder / f"{name}.key", folder / f"{name}.crt"
        request = folder / f"{name}.csr"
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", self.key_path, "-out", request)
        run("openssl", "x509", "-req", "-in", request, "-signkey", self.key_path, "-days", days,
            "-copy_extensions", "copyall", "-out", self.path)
        self.pem = self.path.read_bytes()
        self.key_pem = self.key_path.read_bytes()
        self.der = ssl.PEM_cert_to_DER_cert(self.pem.decode())
        key_der = folder / f"{name}.key.der"
        run("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", self.key_path, "-outform", "DER", "-out", key_der)
        self.key_pkcs8 = key_der.read_bytes()


def encrypt(key, plain, out, embedded):
    out.parent.mkdir(parents=True, exist_ok=True)
    run(BIN / "strongroom", "encrypt", "--key", key, "--as", embedded, plain, out)


def digests(folder):
    """"<version>/<file>" to SHA-256, as the owner states them."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).digest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def handover(server_certificate, models):
    """What the agent writes. `models`: name to (key bytes, digests, client certificates)."""
    from strongroom.v1 import handover_pb2
    message = handover_pb2.Handover(certificate_chain_pem=server_certificate.pem.decode(),
                                    private_key_pkcs8=server_certificate.key_pkcs8, marble="modelserver")
    for name, (key, files, clients) in models.items():
        model = message.models.add(name=name, key=key, client_certificates=[client.der for client in clients])
        for file, digest in files.items():
            model.files[file] = digest
    return framed(message.SerializeToString())


def framed(message):
    """A message behind its length, as it comes over the pipe."""
    return len(message).to_bytes(4, "little") + message


class Server:
    """A model server process. `stream`: what comes over its pipe; None: it has none. `before`: words before the program;
    `variables`: more of its environment."""

    def __init__(self, stream, *flags, program=BIN / "strongroom-modelserver", before=(), variables=()):
        command = [*map(str, before), str(program), "--address=127.0.0.1", "--port=0", *flags]
        reader, writer = os.pipe()
        environment = {"PATH": "/usr/bin:/bin", **dict(variables)}
        if stream is not None:
            environment["STRONGROOM_HANDOVER_FD"] = str(reader)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[reader],
                                        env=environment)
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe, contextlib.suppress(BrokenPipeError):  # of one that refuses earlier
            pipe.write(stream or b"")
        self.port, self.text = None, b""

    def wait_ready(self, seconds=30):
        """Waits for the line that users of TensorFlow Serving wait for."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not select.select([self.process.stdout], [], [], 0.2)[0]:
                continue
            piece = os.read(self.process.stdout.fileno(), 4096)
            self.text += piece
            if found := re.search(rb"Running gRPC ModelServer at 127\.0\.0\.1:(\d+) \.\.\.", self.text):
                self.port = int(found[1])
                return self
            if not piece:
                break
        raise RuntimeError(f"model server did not start: {self.end()}")

    def wait_refusal(self):
        """Exit status and log of a server that must not start."""
        out, log = self.process.communicate(timeout=30)
        return self.process.returncode, (out + log).decode()

    def end(self):
        """SIGTERM; exit status and log."""
        self.process.terminate()
        return self.wait_refusal()
