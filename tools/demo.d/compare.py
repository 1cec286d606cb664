"""Holds served probabilities against the plain model's, bit by bit, and prints the accuracy.

usage: compare.py HELDOUT_FOLDER ANSWER.npy…
"""
import pathlib
import sys

import numpy as np


def main():
    heldout = pathlib.Path(sys.argv[1])
    plain, labels = np.load(heldout / "probabilities.npy"), np.load(heldout / "labels.npy")
    for name in sys.argv[2:]:
        served = np.load(name)
        if served.shape != plain.shape or served.dtype != plain.dtype:
            sys.exit(f"{name}: {served.dtype}{served.shape}, wanted {plain.dtype}{plain.shape}")
        if served.tobytes() != plain.tobytes():
            sys.exit(f"{name}: differs from the plain model in {(served != plain).sum()} of {plain.size} values")
        accuracy = (served.argmax(axis=1) == labels).mean()
        print(f"{name}: {len(labels)} answers, bit-identical to the plain model, accuracy {accuracy:.4f}")
        if accuracy < 0.95:
            sys.exit(f"accuracy {accuracy:.4f}, wanted at least 0.95")


if __name__ == "__main__":
    main()
