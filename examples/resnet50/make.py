#!/usr/bin/env python3
"""Makes a network of ResNet-50's shape with random weights, as large and as slow as the real one.

Writes OUT/model.xml and OUT/model.bin (OpenVINO IR, 32-bit floats): input `image` [N,3,224,224], output `scores` [N,1000];
25.6 million parameters. The shape is that of He et al., Deep Residual Learning for Image Recognition (CVPR 2016), table 1,
with the stride in the 3x3 convolution, as is usual since. --images FOLDER also writes image.npy and scores.npy there: two
random images, and what the plain model says to them.
"""

import argparse
import pathlib
import sys

import numpy as np
import openvino as ov
from openvino import opset13 as ops

BLOCKS = (3, 4, 6, 3)  # bottleneck blocks of each stage
EXPANSION = 4          # channels that leave a block, for each inside it
CLASSES = 1000


class Network:
    """Layers with random weights. `parameters` counts what training would fit, as the literature counts."""

    def __init__(self, seed):
        self.random, self.parameters = np.random.default_rng(seed), 0

    def weights(self, *shape, scale):
        self.parameters += int(np.prod(shape))
        return self.random.standard_normal(shape, dtype=np.float32) * np.float32(scale)

    def convolution(self, x, inputs, outputs, size, stride=1):
        kernel = self.weights(outputs, inputs, size, size, scale=(2 / (inputs * size * size)) ** 0.5)
        pad = [size // 2] * 2
        return ops.convolution(x, kernel, [stride] * 2, pad, pad, [1, 1])

    def normalization(self, x, channels, gain=1.0):
        """With statistics as if of training. `gain` keeps a sum of many blocks from growing without end."""
        gamma = self.weights(channels, scale=0.1 * gain) + np.float32(gain)
        beta = self.weights(channels, scale=0.1)
        mean = self.random.standard_normal(channels, dtype=np.float32) * np.float32(0.1)
        variance = np.float32(0.5) + self.random.random(channels, dtype=np.float32)
        return ops.batch_norm_inference(x, gamma, beta, mean, variance, 1e-5)

    def bottleneck(self, x, inputs, width, stride):
        outputs = width * EXPANSION
        y = ops.relu(self.normalization(self.convolution(x, inputs, width, 1), width))
        y = ops.relu(self.normalization(self.convolution(y, width, width, 3, stride), width))
        y = self.normalization(self.convolution(y, width, outputs, 1), outputs, gain=0.3)
        if inputs != outputs or stride != 1:
            x = self.normalization(self.convolution(x, inputs, outputs, 1, stride), outputs)
        return ops.relu(ops.add(x, y))

    def build(self):
        image = ops.parameter([-1, 3, 224, 224], np.float32, name="image")
        x = ops.relu(self.normalization(self.convolution(image, 3, 64, 7, 2), 64))
        x = ops.max_pool(x, [2, 2], [1, 1], [1, 1], [1, 1], [3, 3]).output(0)
        channels = 64
        for stage, blocks in enumerate(BLOCKS):
            width = 64 * 2 ** stage
            for block in range(blocks):
                x = self.bottleneck(x, channels, width, 2 if stage > 0 and block == 0 else 1)
                channels = width * EXPANSION
        x = ops.reduce_mean(x, np.array([2, 3], dtype=np.int64), keep_dims=False)
        dense = self.weights(channels, CLASSES, scale=channels ** -0.5)
        scores = ops.softmax(ops.add(ops.matmul(x, dense, False, False), self.weights(1, CLASSES, scale=0.01)), axis=1)
        scores.output(0).set_names({"scores"})
        image.output(0).set_names({"image"})
        return ov.Model([scores], [image], "resnet50")


def answer(model, images):
    """What the plain model says, computed in 32-bit floats whatever the processor would rather do."""
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([images])[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path, metavar="OUT", help="folder to write to; made if it is not there")
    parser.add_argument("--images", type=pathlib.Path, help="folder for image.npy and scores.npy; made if it is not there")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and images (default 0)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    network = Network(args.seed)
    model = network.build()
    ov.save_model(model, args.out / "model.xml", compress_to_fp16=False)
    if args.images:
        args.images.mkdir(parents=True, exist_ok=True)
        images = network.random.random((2, 3, 224, 224), dtype=np.float32)
        np.save(args.images / "image.npy", images)
        np.save(args.images / "scores.npy", answer(model, images))
    size = (args.out / "model.bin").stat().st_size
    print(f"{network.parameters / 1e6:.2f} million parameters, {size / 1e6:.0f} MB of weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
