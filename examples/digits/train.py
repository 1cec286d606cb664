#!/usr/bin/env python3
"""Trains a small network on scikit-learn's bundled handwritten digits and exports it for serving.

Writes to OUT:
  model.xml, model.bin   OpenVINO IR, 32-bit floats: input `image` [N,8,8] (0 to 1), output `probabilities` [N,10]
  model.onnx             the same network as one ONNX file
  images.npy labels.npy  the held-out images (float32) and what they show
  probabilities.npy      what the plain model answers to them, at the engine settings of the model server
Nothing is downloaded: the data is inside the scikit-learn wheel. The same versions write the same bytes.
"""

import argparse
import os
import pathlib
import sys

# One thread of linear algebra: the network is tiny, and the bytes that come out must not depend on the machine.
for library in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[library] = "1"

# pylint: disable=wrong-import-position
import numpy as np
import onnx
import openvino as ov
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def train(seed):
    """The classifier, and the images and labels that it has not seen."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        images, digits.target, test_size=0.25, stratify=digits.target, random_state=seed)
    model = MLPClassifier((64, 32), alpha=1e-3, max_iter=400, random_state=seed)
    model.fit(train_x.reshape(len(train_x), -1), train_y)
    return model, test_x, test_y.astype(np.int64)


def to_onnx(model):
    """The perceptron as an ONNX graph: Flatten, then Gemm and Relu for each layer, then Softmax."""
    nodes = [helper.make_node("Flatten", ["image"], ["x0"], axis=1)]
    weights = []
    last = len(model.coefs_) - 1
    for layer, (matrix, offset) in enumerate(zip(model.coefs_, model.intercepts_)):
        w, b = f"w{layer}", f"b{layer}"
        weights += [numpy_helper.from_array(matrix.astype(np.float32), w),
                    numpy_helper.from_array(offset.astype(np.float32), b)]
        nodes.append(helper.make_node("Gemm", [f"x{layer}", w, b], [f"h{layer}"]))
        if layer < last:
            nodes.append(helper.make_node("Relu", [f"h{layer}"], [f"x{layer + 1}"]))
    nodes.append(helper.make_node("Softmax", [f"h{last}"], ["probabilities"], axis=1))
    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(model.classes_)])],
        weights)
    out = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="strongroom-digits")
    out.ir_version = 8
    onnx.checker.check_model(out)
    return out


def answers(core, model, images):
    """The plain model's probabilities, computed as the model server computes them."""
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
    return compiled(images)[0].copy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path, metavar="OUT", help="folder to write to; made if it is not there")
    parser.add_argument("--seed", type=int, default=0, help="of the split and the training (default 0)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    model, images, labels = train(args.seed)
    onnx_model = to_onnx(model)
    onnx.save(onnx_model, args.out / "model.onnx")
    ir = ov.convert_model(args.out / "model.onnx")
    ov.save_model(ir, args.out / "model.xml", compress_to_fp16=False)
    core = ov.Core()
    probabilities = answers(core, core.read_model(args.out / "model.xml"), images)
    np.save(args.out / "images.npy", images)
    np.save(args.out / "labels.npy", labels)
    np.save(args.out / "probabilities.npy", probabilities)

    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    print(f"{len(images)} held-out images, accuracy {accuracy:.4f}")
    if accuracy < 0.95:
        print(f"accuracy {accuracy:.4f}, wanted at least 0.95", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
