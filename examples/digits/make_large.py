#!/usr/bin/env python3
"""Makes a network of random weights, large enough that loading it costs something.

Writes model.xml and model.bin (OpenVINO IR, 32-bit floats): input `image` [N,3,32,32], output `scores` [N,10];
one convolution, then dense layers of --width neurons. The default has 106 MB of weights.
"""

import argparse
import pathlib
import sys

import numpy as np
import openvino as ov
from openvino import opset13 as ops


def dense(x, rng, inputs, outputs):
    """x times a random matrix, scaled so that the signal neither dies nor explodes."""
    matrix = rng.standard_normal((inputs, outputs), dtype=np.float32) * np.float32((2 / inputs) ** 0.5)
    offset = rng.standard_normal((1, outputs), dtype=np.float32) * np.float32(0.01)
    return ops.add(ops.matmul(x, matrix, False, False), offset)


def build(width, layers, seed):
    rng = np.random.default_rng(seed)
    image = ops.parameter([-1, 3, 32, 32], np.float32, name="image")
    filters = rng.standard_normal((16, 3, 3, 3), dtype=np.float32) * np.float32(0.27)
    x = ops.relu(ops.convolution(image, filters, [2, 2], [1, 1], [1, 1], [1, 1]))
    size = 16 * 16 * 16
    x = ops.reshape(x, np.array([-1, size], dtype=np.int64), False)
    for _ in range(layers):
        x = ops.relu(dense(x, rng, size, width))
        size = width
    scores = ops.softmax(dense(x, rng, size, 10), axis=1)
    scores.output(0).set_names({"scores"})
    image.output(0).set_names({"image"})
    return ov.Model([scores], [image], "large")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path, metavar="OUT", help="folder to write to; made if it is not there")
    parser.add_argument("--width", type=int, default=3500, help="neurons of a dense layer (default 3500)")
    parser.add_argument("--layers", type=int, default=2, help="dense layers (default 2)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights (default 0)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    ov.save_model(build(args.width, args.layers, args.seed), args.out / "model.xml", compress_to_fp16=False)
    size = (args.out / "model.bin").stat().st_size
    print(f"{size / 1e6:.0f} MB of weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
