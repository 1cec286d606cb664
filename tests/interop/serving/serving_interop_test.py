"""Foreign clients against the real model server over mTLS: ovmsclient and its stubs with TensorFlow Serving's calls,
tritonclient with KServe's by gRPC and REST, Python's own HTTPS. And what must not start: spoiled, swapped, old or
foreign models."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import time
import unittest

import gevent
import grpc
import numpy as np
import ovmsclient
import tritonclient.grpc as triton
import tritonclient.http as triton_rest
from ovmsclient.tfs_compat.base import errors as ovms_errors
from ovmsclient.tfs_compat.protos.tensorflow.core.framework import types_pb2
from ovmsclient.tfs_compat.protos.tensorflow_serving.apis import (
    get_model_metadata_pb2, get_model_status_pb2, model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness  # noqa: E402


class World:
    """What all tests share: certificates, a trained model, its ciphertext."""

    def __init__(self, folder):
        self.folder = folder
        harness.generate_protos(folder / "stubs")
        self.server, self.alice, self.stranger = (harness.Certificate(folder, n) for n in ("server", "alice", "stranger"))
        self.former = harness.Certificate(folder, "former", days=-1)  # a client whose certificate has ended
        self.owner, self.host = folder / "owner", folder / "host"
        harness.run(sys.executable, harness.SOURCE / "examples/digits/train.py", folder / "trained")
        self.images = np.load(folder / "trained/images.npy")
        self.labels = np.load(folder / "trained/labels.npy")
        self.plain_answers = np.load(folder / "trained/probabilities.npy")
        self.key = folder / "model.key"
        harness.run(harness.BIN / "strongroom", "keygen", "--out", self.key)
        for model, version, files in (("digits", 1, ("model.xml", "model.bin")), ("digits", 2, ("model.xml", "model.bin")),
                                      ("digits-onnx", 1, ("model.onnx",))):
            for file in files:
                name = f"{model}/{version}/{file}"
                plain = self.owner / name
                plain.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / "trained" / file, plain)
                harness.encrypt(self.key, plain, self.host / name, name)

    def handover(self, key=None, models=("digits", "digits-onnx"), versions=("1", "2")):
        key = self.key.read_bytes() if key is None else key
        return harness.handover(self.server, {
            model: (key, {name: digest for name, digest in harness.digests(self.owner / model).items()
                          if name.split("/")[0] in versions}, [self.alice, self.former]) for model in models})

    def serve(self, stream, *flags, **options):
        return harness.Server(stream, f"--model_base_path={self.host}", *flags, **options)


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy(source, target)


WORLD = None
SERVER = None
TEMPORARY = None


def setUpModule():
    global WORLD, SERVER, TEMPORARY
    TEMPORARY = tempfile.TemporaryDirectory(prefix="strongroom-interop-")
    WORLD = World(pathlib.Path(TEMPORARY.name))
    SERVER = WORLD.serve(WORLD.handover()).wait_ready()


def tearDownModule():
    status, log = SERVER.end()
    TEMPORARY.cleanup()
    assert status == 0, log
    assert "ended" in log, log


def channel(certificate):
    credentials = grpc.ssl_channel_credentials(
        WORLD.server.pem, *((certificate.key_pem, certificate.pem) if certificate else (None, None)))
    return grpc.secure_channel(f"127.0.0.1:{SERVER.port}", credentials)


class TensorFlowServingClient(unittest.TestCase):
    """ovmsclient as its users call it."""

    def client(self, certificate):
        return ovmsclient.make_grpc_client(f"127.0.0.1:{SERVER.port}", tls_config={
            "server_cert_path": str(WORLD.server.path), "client_cert_path": str(certificate.path),
            "client_key_path": str(certificate.key_path)})

    def test_predict(self):
        client = self.client(WORLD.alice)
        for version in (0, 2):
            answers = client.predict({"image": WORLD.images}, "digits", version)
            self.assertEqual(answers.dtype, np.float32)
            np.testing.assert_array_equal(answers.view(np.uint32), WORLD.plain_answers.view(np.uint32))

    def test_metadata_and_status(self):
        client = self.client(WORLD.alice)
        self.assertEqual(client.get_model_metadata("digits"), {
            "model_version": 2, "inputs": {"image": {"shape": [-1, 8, 8], "dtype": "DT_FLOAT"}},
            "outputs": {"probabilities": {"shape": [-1, 10], "dtype": "DT_FLOAT"}}})
        self.assertEqual(client.get_model_status("digits"),
                         {2: {"state": "AVAILABLE", "error_code": 0, "error_message": ""}})

    def test_errors_are_those_that_it_knows(self):
        client = self.client(WORLD.alice)
        for call in (lambda: client.predict({"image": WORLD.images}, "nothing"),
                     lambda: client.predict({"image": WORLD.images}, "digits", 1),
                     lambda: client.get_model_metadata("nothing"), lambda: client.get_model_status("digits", 7)):
            with self.assertRaises(ovms_errors.ModelNotFoundError):
                call()
        for inputs in ({"picture": WORLD.images}, {"image": WORLD.images.reshape(-1, 64)},
                       {"image": WORLD.images.astype(np.int32)}):
            with self.assertRaises(ovms_errors.InvalidInputError):
                client.predict(inputs, "digits")
        with self.assertRaisesRegex(ConnectionError, "not among those that may ask"):
            self.client(WORLD.stranger).predict({"image": WORLD.images}, "digits")


class TensorFlowServingGrpc(unittest.TestCase):
    """The same calls by ovmsclient's stubs, for what the client itself does not show."""

    def request(self, images, model="digits"):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        tensor = request.inputs["image"]
        tensor.dtype = types_pb2.DT_FLOAT
        for size in images.shape:
            tensor.tensor_shape.dim.add().size = size
        tensor.tensor_content = images.tobytes()
        return request

    def predict(self, request, certificate=None):
        with channel(certificate or WORLD.alice) as connection:
            return prediction_service_pb2_grpc.PredictionServiceStub(connection).Predict(request, timeout=20)

    def test_predict_is_bit_identical_to_the_plain_model(self):
        response = self.predict(self.request(WORLD.images))
        out = response.outputs["probabilities"]
        answers = np.array(out.float_val, dtype=np.float32).reshape([d.size for d in out.tensor_shape.dim])
        np.testing.assert_array_equal(answers.view(np.uint32), WORLD.plain_answers.view(np.uint32))
        self.assertGreater((answers.argmax(axis=1) == WORLD.labels).mean(), 0.95)
        self.assertEqual(response.model_spec.version.value, 2)
        self.assertEqual(response.model_spec.signature_name, "serving_default")

    def test_typed_values_and_onnx_give_the_same(self):
        request = self.request(WORLD.images[:3], "digits-onnx")
        tensor = request.inputs["image"]
        tensor.ClearField("tensor_content")
        tensor.float_val.extend(WORLD.images[:3].ravel().tolist())
        out = self.predict(request).outputs["probabilities"]
        np.testing.assert_allclose(np.array(out.float_val).reshape(3, 10), WORLD.plain_answers[:3], atol=1e-6)

    def test_metadata_and_status(self):
        with channel(WORLD.alice) as connection:
            request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
            request.model_spec.name = "digits"
            predictions = prediction_service_pb2_grpc.PredictionServiceStub(connection)
            response = predictions.GetModelMetadata(request, timeout=20)
            packed = response.metadata["signature_def"]
            self.assertEqual(packed.type_url, "type.googleapis.com/tensorflow.serving.SignatureDefMap")
            signatures = get_model_metadata_pb2.SignatureDefMap.FromString(packed.value)
            image = signatures.signature_def["serving_default"].inputs["image"]
            self.assertEqual([d.size for d in image.tensor_shape.dim], [-1, 8, 8])
            status = get_model_status_pb2.GetModelStatusRequest()
            status.model_spec.name = "digits"
            models = model_service_pb2_grpc.ModelServiceStub(connection)
            versions = models.GetModelStatus(status, timeout=20).model_version_status
            self.assertEqual([(v.version, v.state) for v in versions],
                             [(2, get_model_status_pb2.ModelVersionStatus.AVAILABLE)])

    def test_error_codes(self):
        wrong_shape = self.request(WORLD.images[:1].reshape(1, 64))
        unknown_signature = self.request(WORLD.images[:1])
        unknown_signature.model_spec.signature_name = "other"
        old_version = self.request(WORLD.images[:1])
        old_version.model_spec.version.value = 1
        for request, code, text in (
                (self.request(WORLD.images[:1], "nothing"), grpc.StatusCode.NOT_FOUND, "Latest(nothing)"),
                (old_version, grpc.StatusCode.NOT_FOUND, "Specific(digits, 1)"),
                (wrong_shape, grpc.StatusCode.INVALID_ARGUMENT, "has shape [1,64], wanted [-1,8,8]"),
                (unknown_signature, grpc.StatusCode.FAILED_PRECONDITION, 'Serving signature key "other" not found.'),
                (predict_pb2.PredictRequest(), grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec")):
            with self.assertRaises(grpc.RpcError) as caught:
                self.predict(request)
            self.assertEqual(caught.exception.code(), code)
            self.assertIn(text, caught.exception.details())

    def test_a_stranger_is_denied_and_nobody_gets_no_handshake(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.predict(self.request(WORLD.images[:1]), WORLD.stranger)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.PERMISSION_DENIED)
        with self.assertRaises(grpc.RpcError) as caught:
            self.predict(self.request(WORLD.images[:1]), WORLD.former)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.PERMISSION_DENIED)
        self.assertIn("client certificate ended at", caught.exception.details())
        with channel(None) as connection, self.assertRaises(grpc.RpcError) as caught:
            prediction_service_pb2_grpc.PredictionServiceStub(connection).Predict(self.request(WORLD.images[:1]), timeout=10)
        self.assertIn(caught.exception.code(), (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED))


class KServeGrpc(unittest.TestCase):
    def client(self, certificate):
        return triton.InferenceServerClient(
            f"127.0.0.1:{SERVER.port}", ssl=True, root_certificates=str(WORLD.server.path),
            private_key=str(certificate.key_path), certificate_chain=str(certificate.path))

    def test_infer_by_tritonclient(self):
        with self.client(WORLD.alice) as client:
            self.assertTrue(client.is_server_live())
            self.assertTrue(client.is_server_ready())
            self.assertTrue(client.is_model_ready("digits"))
            self.assertFalse(client.is_model_ready("nothing"))
            self.assertEqual(client.get_server_metadata().name, "strongroom")
            metadata = client.get_model_metadata("digits")
            self.assertEqual(list(metadata.inputs[0].shape), [-1, 8, 8])
            tensor = triton.InferInput("image", list(WORLD.images.shape), "FP32")
            tensor.set_data_from_numpy(WORLD.images)
            result = client.infer("digits", [tensor], outputs=[triton.InferRequestedOutput("probabilities")])
            np.testing.assert_array_equal(result.as_numpy("probabilities").view(np.uint32),
                                          WORLD.plain_answers.view(np.uint32))
            self.assertEqual(result.get_response().model_version, "2")

    def test_typed_contents_are_answered_in_kind(self):
        from tritonclient.grpc import service_pb2
        with self.client(WORLD.alice) as client:
            request = service_pb2.ModelInferRequest(model_name="digits", id="7")
            tensor = request.inputs.add(name="image", datatype="FP32", shape=[2, 8, 8])
            tensor.contents.fp32_contents.extend(WORLD.images[:2].ravel().tolist())
            response = client._client_stub.ModelInfer(request)
            self.assertEqual(response.id, "7")
            self.assertEqual(len(response.raw_output_contents), 0)
            np.testing.assert_allclose(np.array(response.outputs[0].contents.fp32_contents).reshape(2, 10),
                                       WORLD.plain_answers[:2], atol=1e-6)

    def test_a_stranger_is_denied(self):
        with self.client(WORLD.stranger) as client:
            for call in (client.get_model_metadata, client.is_model_ready):
                with self.assertRaises(triton.InferenceServerException) as caught:
                    call("digits")
                self.assertIn("PERMISSION_DENIED", str(caught.exception.status()))

    def test_health_service(self):
        with channel(WORLD.alice) as connection:
            check = connection.unary_unary("/grpc.health.v1.Health/Check")
            self.assertEqual(check(b"", timeout=10), b"\x08\x01")


class KServeRest(unittest.TestCase):
    """tritonclient over HTTPS, with the binary extension as it speaks it."""

    def client(self, certificate):
        def context():
            made = gevent.ssl.create_default_context(cafile=str(WORLD.server.path))
            made.load_cert_chain(certificate.path, certificate.key_path)
            return made
        return triton_rest.InferenceServerClient(f"127.0.0.1:{SERVER.port}", ssl=True, ssl_context_factory=context)

    def infer(self, client, binary_in, binary_out, **options):
        tensor = triton_rest.InferInput("image", list(WORLD.images.shape), "FP32")
        tensor.set_data_from_numpy(WORLD.images, binary_data=binary_in)
        output = triton_rest.InferRequestedOutput("probabilities", binary_data=binary_out)
        return client.infer("digits", [tensor], outputs=[output], **options)

    def test_infer_as_json_and_as_bytes(self):
        with self.client(WORLD.alice) as client:
            for binary_in, binary_out in ((True, True), (True, False), (False, True), (False, False)):
                with self.subTest(binary_in=binary_in, binary_out=binary_out):
                    result = self.infer(client, binary_in, binary_out, request_id="q")
                    answers = result.as_numpy("probabilities")
                    np.testing.assert_array_equal(answers.view(np.uint32), WORLD.plain_answers.view(np.uint32))
                    said = result.get_response()
                    self.assertEqual((said["model_name"], said["model_version"], said["id"]), ("digits", "2", "q"))
                    self.assertEqual("data" in said["outputs"][0], not binary_out)

    def test_all_outputs_as_bytes(self):
        # No output named: the client asks for bytes by a parameter of the request.
        with self.client(WORLD.alice) as client:
            tensor = triton_rest.InferInput("image", list(WORLD.images.shape), "FP32")
            tensor.set_data_from_numpy(WORLD.images)
            result = client.infer("digits", [tensor], model_version="2")
            self.assertNotIn("data", result.get_response()["outputs"][0])
            np.testing.assert_array_equal(result.as_numpy("probabilities").view(np.uint32),
                                          WORLD.plain_answers.view(np.uint32))

    def test_metadata_and_health(self):
        with self.client(WORLD.alice) as client:
            self.assertTrue(client.is_server_live())
            self.assertTrue(client.is_server_ready())
            self.assertTrue(client.is_model_ready("digits"))
            self.assertFalse(client.is_model_ready("nothing"))
            metadata = client.get_server_metadata()
            self.assertEqual(metadata["name"], "strongroom")
            self.assertIn("binary_tensor_data", metadata["extensions"])
            self.assertEqual(client.get_model_metadata("digits")["inputs"],
                             [{"name": "image", "datatype": "FP32", "shape": [-1, 8, 8]}])

    def test_errors_and_strangers(self):
        with self.client(WORLD.alice) as client, self.assertRaises(triton_rest.InferenceServerException) as caught:
            self.infer(client, True, True, model_version="1")
        self.assertEqual(caught.exception.status(), "404")
        with self.client(WORLD.stranger) as client, self.assertRaises(triton_rest.InferenceServerException) as caught:
            self.infer(client, True, True)
        self.assertEqual(caught.exception.status(), "403")


class Rest(unittest.TestCase):
    def connection(self, certificate):
        context = ssl.create_default_context(cadata=WORLD.server.pem.decode())
        if certificate:
            context.load_cert_chain(certificate.path, certificate.key_path)
        return http.client.HTTPSConnection("127.0.0.1", SERVER.port, context=context, timeout=20)

    def ask(self, method, path, body=None, headers=None, certificate=None):
        connection = self.connection(certificate or WORLD.alice)
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        try:
            return response.status, response.read(), response
        finally:
            connection.close()

    def test_kserve_json_round_trips_floats(self):
        body = {"id": "q", "inputs": [{"name": "image", "shape": list(WORLD.images.shape), "datatype": "FP32",
                                       "data": WORLD.images.ravel().tolist()}]}
        status, answer, _ = self.ask("POST", "/v2/models/digits/infer", json.dumps(body))
        self.assertEqual(status, 200, answer)
        answer = json.loads(answer)
        self.assertEqual((answer["model_name"], answer["model_version"], answer["id"]), ("digits", "2", "q"))
        output = answer["outputs"][0]
        values = np.array(output["data"], dtype=np.float32).reshape(output["shape"])
        np.testing.assert_array_equal(values.view(np.uint32), WORLD.plain_answers.view(np.uint32))

    def test_kserve_binary_extension(self):
        header = json.dumps({"inputs": [{"name": "image", "shape": list(WORLD.images.shape), "datatype": "FP32",
                                         "parameters": {"binary_data_size": WORLD.images.nbytes}}],
                             "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}]}).encode()
        status, answer, response = self.ask(
            "POST", "/v2/models/digits/versions/2/infer", header + WORLD.images.tobytes(),
            {"Inference-Header-Content-Length": str(len(header)), "Content-Type": "application/octet-stream"})
        self.assertEqual(status, 200, answer)
        split = int(response.getheader("Inference-Header-Content-Length"))
        output = json.loads(answer[:split])["outputs"][0]
        self.assertEqual(output["parameters"]["binary_data_size"], len(answer) - split)
        values = np.frombuffer(answer[split:], dtype=np.float32).reshape(output["shape"])
        np.testing.assert_array_equal(values.view(np.uint32), WORLD.plain_answers.view(np.uint32))

    def test_kserve_metadata_health_and_errors(self):
        for path, status, text in (
                ("/v2", 200, "strongroom"), ("/v2/health/live", 200, "live"), ("/v2/health/ready", 200, "ready"),
                ("/v2/models/digits", 200, '"shape":[-1,8,8]'), ("/v2/models/digits/ready", 200, '"ready":true'),
                ("/v2/models/digits/versions/1", 404, "error"), ("/v2/models/nothing", 404, "error"),
                ("/v2/nothing", 404, "Not Found"), ("/v1/nothing", 400, "Malformed request: GET /v1/nothing"),
                ("/metrics", 200, "strongroom_serving_requests_total")):
            got, answer, _ = self.ask("GET", path)
            self.assertEqual(got, status, path)
            self.assertIn(text, answer.decode(), path)

    def test_tensorflow_serving_rows_and_columns(self):
        rows = json.dumps({"instances": WORLD.images[:4].tolist()})
        status, answer, _ = self.ask("POST", "/v1/models/digits:predict", rows)
        self.assertEqual(status, 200, answer)
        np.testing.assert_allclose(np.array(json.loads(answer)["predictions"]), WORLD.plain_answers[:4], atol=1e-6)
        columns = json.dumps({"inputs": {"image": WORLD.images[:4].tolist()}, "signature_name": "serving_default"})
        status, answer, _ = self.ask("POST", "/v1/models/digits/versions/2:predict", columns)
        self.assertEqual(status, 200, answer)
        np.testing.assert_allclose(np.array(json.loads(answer)["outputs"]), WORLD.plain_answers[:4], atol=1e-6)
        status, answer, _ = self.ask("GET", "/v1/models/digits/metadata")
        signature = json.loads(answer)["metadata"]["signature_def"]["signature_def"]["serving_default"]
        self.assertEqual(signature["inputs"]["image"]["dtype"], "DT_FLOAT")

    def test_a_stranger_is_denied_and_nobody_gets_no_handshake(self):
        for path in ("/v2/models/digits", "/v1/models/digits", "/metrics"):
            for certificate in (WORLD.stranger, WORLD.former):
                self.assertEqual(self.ask("GET", path, certificate=certificate)[0], 403, path)
        with self.assertRaises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            connection = self.connection(None)
            self.addCleanup(connection.close)
            connection.request("GET", "/v2")
            connection.getresponse()


class Process(unittest.TestCase):
    def test_keeps_no_file_open_and_leaves_no_core(self):
        proc = pathlib.Path(f"/proc/{SERVER.process.pid}")
        targets = [os.readlink(fd) for fd in (proc / "fd").iterdir()]
        self.assertEqual([t for t in targets if t.startswith("/") and t != "/dev/null"], [])
        self.assertNotIn("handover", " ".join(targets))
        self.assertRegex((proc / "limits").read_text(), r"Max core file size +([01]) +\1 ")

    def test_only_the_needed_parts_of_openvino_are_mapped(self):
        maps = pathlib.Path(f"/proc/{SERVER.process.pid}/maps").read_text()
        parts = {line.rsplit("/", 1)[1].split(".so")[0] for line in maps.splitlines()
                 if ".so" in line and ("openvino" in line.rsplit("/", 1)[1] or "tbb" in line.rsplit("/", 1)[1])}
        self.assertEqual(parts, {"libopenvino", "libopenvino_intel_cpu_plugin", "libopenvino_ir_frontend",
                                 "libopenvino_onnx_frontend", "libtbb"})

    def test_variables_that_would_steer_the_engine_are_dropped(self):
        variables = {"OV_X": "1", "ONEDNN_VERBOSE": "all", "TBB_VERSION": "1", "OVERLAY": "kept"}
        server = WORLD.serve(WORLD.handover(), variables=variables).wait_ready()
        status, log = server.end()
        self.assertEqual(status, 0, log)
        for name in ("OV_X", "ONEDNN_VERBOSE", "TBB_VERSION"):
            self.assertRegex(log, f"warn ignored a variable that would steer the engine name={name}\\b")
        self.assertNotIn("name=OVERLAY", log)
        self.assertNotIn("TBB: VERSION", log)  # what TBB prints where it gets its variable
        self.assertNotIn("onednn_verbose", log)

    def test_flags_of_tensorflow_serving(self):
        with socket.socket() as probe, socket.socket() as second:
            probe.bind(("127.0.0.1", 0))
            second.bind(("127.0.0.1", 0))
            rest_port, health_port = probe.getsockname()[1], second.getsockname()[1]
        server = harness.Server(WORLD.handover(), "--model_name=digits", f"--model_base_path={WORLD.host / 'digits'}",
                                f"--rest_api_port={rest_port}", f"--health_port={health_port}",
                                "--log_format=json").wait_ready()
        try:
            context = ssl.create_default_context(cadata=WORLD.server.pem.decode())
            context.load_cert_chain(WORLD.alice.path, WORLD.alice.key_path)
            for port in (server.port, rest_port):
                connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
                connection.request("GET", "/v1/models/digits")
                self.assertEqual(connection.getresponse().status, 200)
                connection.close()
            health = http.client.HTTPConnection("127.0.0.1", health_port, timeout=20)
            answers = {}
            for path in ("/healthz", "/readyz", "/metrics", "/v1/models/digits"):
                health.request("GET", path)
                response = health.getresponse()
                answers[path] = response.status, response.read().decode()
            health.close()
            self.assertEqual([status for status, _ in answers.values()], [200, 200, 200, 404], answers)
            self.assertIn("strongroom_serving_requests_total", answers["/metrics"][1])
            self.assertNotIn("digits", answers["/metrics"][1])
        finally:
            status, log = server.end()
        self.assertEqual(status, 0, log)
        lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        self.assertIn("draining", [line["msg"] for line in lines])
        self.assertTrue(any(line["msg"] == "threads" and int(line["inference"]) >= 1 for line in lines), log)
        self.assertIn(f"Exporting HTTP/REST API at:localhost:{rest_port} ...", server.text.decode() + log)

    @unittest.skipIf(os.environ.get("STRONGROOM_SANITIZE"), "the sanitizers need system calls of their own")
    def test_the_system_calls_that_gramine_has_are_enough(self):
        filtered = harness.BIN.parent / "tests/with_gramine_system_calls"
        server = WORLD.serve(WORLD.handover(), before=[filtered]).wait_ready()
        try:
            context = ssl.create_default_context(cadata=WORLD.server.pem.decode())
            context.load_cert_chain(WORLD.alice.path, WORLD.alice.key_path)
            connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=20)
            connection.request("GET", "/v1/models/digits")
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
        finally:
            status, log = server.end()
        self.assertEqual(status, 0, log)

    def test_a_part_of_openvino_that_nobody_measured_is_refused(self):
        tree = WORLD.folder / "program"
        shutil.copytree(harness.BIN.parent / "lib/strongroom", tree / "lib/strongroom", copy_function=link_or_copy)
        (tree / "bin").mkdir()
        shutil.copy(harness.BIN / "strongroom-modelserver", tree / "bin")
        (tree / "lib/strongroom/libopenvino_other_frontend.so").write_bytes(b"")
        server = harness.Server(WORLD.handover(), f"--model_base_path={WORLD.host}", program=tree / "bin/strongroom-modelserver")
        status, log = server.wait_refusal()
        self.assertEqual(status, 1, log)
        self.assertIn("serving.unmeasured-part", log)


class Ending(unittest.TestCase):
    """What a signal to end does to the requests under way."""

    def connection(self, server):
        context = ssl.create_default_context(cadata=WORLD.server.pem.decode())
        context.load_cert_chain(WORLD.alice.path, WORLD.alice.key_path)
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=30)
        self.addCleanup(connection.close)
        return connection

    def begin_request(self, server, size):
        """A request whose head the server has read, as it says; returns its connection."""
        connection = self.connection(server)
        connection.putrequest("POST", "/v1/models/digits:predict")
        connection.putheader("Content-Length", str(size))
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        self.assertEqual(connection.sock.recv(64), b"HTTP/1.1 100 Continue\r\n\r\n")
        return connection

    def wait_until_closed(self, server):
        """Once it takes no new connections, it has begun to stop."""
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
            except ConnectionRefusedError:
                return
            time.sleep(0.05)
        self.fail("still accepts connections")

    def serve(self, *flags):
        server = WORLD.serve(WORLD.handover(), *flags).wait_ready()
        self.addCleanup(lambda: server.process.poll() is None and server.process.kill())
        return server

    def test_a_request_in_flight_is_answered(self):
        server = self.serve()
        body = json.dumps({"instances": WORLD.images[:4].tolist()}).encode()
        connection = self.begin_request(server, len(body))
        connection.send(body[:100])
        server.process.terminate()
        self.wait_until_closed(server)
        connection.send(body[100:])
        response = connection.getresponse()
        answers = np.array(json.loads(response.read())["predictions"])
        np.testing.assert_allclose(answers, WORLD.plain_answers[:4], atol=1e-6)
        self.assertEqual((response.status, response.getheader("connection")), (200, "close"))
        status, log = server.wait_refusal()
        self.assertEqual(status, 0, log)

    def test_a_request_that_never_ends_is_given_up(self):
        server = self.serve()
        connection = self.begin_request(server, 32 << 20)
        began = time.monotonic()
        server.process.terminate()
        with self.assertRaises((ConnectionError, ssl.SSLError)):
            while time.monotonic() < began + 20:  # fast enough to be no slow body, too slow to end
                connection.send(b" " * 4096)
                time.sleep(0.05)
        status, log = server.wait_refusal()
        self.assertEqual(status, 0, log)
        self.assertTrue(9 < time.monotonic() - began < 15, time.monotonic() - began)
        self.assertIn("ended", log)

    def test_a_second_signal_ends_the_drain(self):
        server = self.serve("--drain_seconds=120")
        began = time.monotonic()
        server.process.terminate()
        for _ in range(100):  # until it calls itself not ready
            connection = self.connection(server)
            connection.request("GET", "/v2/health/ready")
            if connection.getresponse().status != 200:
                break
            time.sleep(0.05)
        body = json.dumps({"instances": WORLD.images[:4].tolist()}).encode()
        connection = self.begin_request(server, len(body))  # and still answers
        connection.send(body)
        self.assertEqual(connection.getresponse().status, 200)
        self.assertIsNone(server.process.poll())
        server.process.send_signal(signal.SIGTERM)
        status, log = server.wait_refusal()
        self.assertEqual(status, 0, log)
        self.assertLess(time.monotonic() - began, 60)


class MustNotStart(unittest.TestCase):
    def setUp(self):
        self.host = WORLD.folder / self.id()
        shutil.copytree(WORLD.host, self.host)

    def refusal(self, stream, *flags):
        server = harness.Server(stream, f"--model_base_path={self.host}", *flags)
        status, log = server.wait_refusal()
        self.assertEqual(status, 1, log)
        self.assertNotIn("Running gRPC", log)
        return log

    def swap(self, source, target):
        shutil.copy(self.host / source, self.host / target)

    def test_a_wrong_key(self):
        self.assertIn("pfs.wrong-key-or-tampered-metadata", self.refusal(WORLD.handover(key=bytes(16))))

    def test_one_changed_byte(self):
        path = self.host / "digits/2/model.bin"
        changed = bytearray(path.read_bytes())
        changed[len(changed) // 2] ^= 1
        path.write_bytes(changed)
        self.assertIn("pfs.tampered-node", self.refusal(WORLD.handover()))

    def test_an_old_version_in_the_new_ones_place(self):
        self.swap("digits/1/model.bin", "digits/2/model.bin")
        log = self.refusal(WORLD.handover())
        self.assertIn("pfs.wrong-path", log)
        self.assertIn("digits/1/model.bin", log)

    def test_an_old_version_instead_of_the_new_one(self):
        shutil.rmtree(self.host / "digits/2")
        self.assertIn("digits/2/model.xml", self.refusal(WORLD.handover()))

    def test_an_older_state_of_the_same_file(self):
        files = {name: bytes(32) if name.endswith("2/model.bin") else digest
                 for name, digest in harness.digests(WORLD.owner / "digits").items()}
        message = harness.handover(WORLD.server, {"digits": (WORLD.key.read_bytes(), files, [WORLD.alice])})
        self.assertIn("models.other-content", self.refusal(message))

    def test_another_model_in_its_place(self):
        self.swap("digits-onnx/1/model.onnx", "digits/2/model.bin")
        self.assertIn("digits-onnx/1/model.onnx", self.refusal(WORLD.handover()))

    def test_a_plain_model(self):
        shutil.copy(WORLD.owner / "digits/2/model.bin", self.host / "digits/2/model.bin")
        self.assertIn("pfs.not-a-protected-file", self.refusal(WORLD.handover()))

    def test_no_handover_or_a_broken_one(self):
        self.assertIn("started by strongroom-agent run", self.refusal(None))
        self.assertIn("handover does not parse", self.refusal(harness.framed(b"\xff\xff\xff")))
        # The agent died while it wrote, or the host ended the stream: what came would parse.
        self.assertIn("handover: message: the stream ended", self.refusal(WORLD.handover()[:-1]))
        self.assertIn("handover: length: the stream ended", self.refusal(b""))
        self.assertIn("wanted at most", self.refusal(b"\xff\xff\xff\xff"))
        self.assertIn("names no model", self.refusal(WORLD.handover(models=())))
        self.assertIn("was not handed over", self.refusal(WORLD.handover(), "--model_name=faces"))

    def test_plain_serving_on_a_public_address(self):
        self.assertIn("127.0.0.1 only", self.refusal(None, "--insecure_plain", "--address=0.0.0.0"))


if __name__ == "__main__":
    unittest.main()
