"""How far the numbers of `score-sync --self-check` move when something of an installation is different.

    python benchmarks/self_check.py

Each change is made to the clip before it is written; docs/decisions/self-check.md has the table. Another
processor is pretended from outside, by ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41
OPENBLAS_CORETYPE=Nehalem OPENCV_CPU_DISABLE=AVX,AVX2 and NPY_DISABLE_CPU_FEATURES; threads are
OMP_NUM_THREADS. Takes 30 s.
"""

import argparse
from collections.abc import Callable
from unittest import mock

import numpy as np

from speechlip.self_checking import footage
from speechlip.self_checking.check import self_check

Parts = tuple[np.ndarray, np.ndarray, np.ndarray]
Change = Callable[[np.ndarray, np.ndarray, np.ndarray], Parts]
WRITE_ONE = footage.write_one
RNG = np.random.default_rng(0)


def level_off(images: np.ndarray) -> np.ndarray:
    """1 % of the values a level up or down."""
    steps = RNG.choice((-1, 0, 1), images.shape, p=(0.005, 0.99, 0.005))
    return (images + steps).clip(0, 255).astype(np.uint8)


CHANGES: dict[str, Change] = {
    "none": lambda images, points, audio: (images, points, audio),
    "1 % of the pixel values a level off": lambda i, p, a: (level_off(i), p, a),
    "audio a step of int16 off": lambda i, p, a: (i, p, a + RNG.integers(-1, 2, a.shape, np.int16)),
    "landmarks 0.001 px off": lambda i, p, a: (i, p + 0.001 * RNG.standard_normal(p.shape), a),
    "audio 10 ms late": lambda i, p, a: (i, p, np.roll(a, 160)),
    "audio one frame late": lambda i, p, a: (i, p, np.roll(a, 640)),
    "audio half as loud": lambda i, p, a: (i, p, (a / 2).astype(np.int16)),
    "images a pixel down": lambda i, p, a: (np.roll(i, 1, axis=1), p, a),
    "images a level darker": lambda i, p, a: (np.maximum(i, 1) - 1, p, a),
    "red and blue exchanged": lambda i, p, a: (i[..., ::-1], p, a),
    "luma 16–235 taken as it is": lambda i, p, a: ((i * (219 / 255) + 16).astype(np.uint8), p, a),
}


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    for name, change in CHANGES.items():
        with mock.patch.object(footage, "write_one", changed(change)):
            checked = self_check()
        if name == "none":
            print("| change |", " | ".join(each.expected.metric for each in checked.metrics), "| |")
            print("|---" * (len(checked.metrics) + 2) + "|")
            tolerances = " | ".join(f"{each.expected.tolerance:.5f}" for each in checked.metrics)
            print(f"| tolerance | {tolerances} | |")
        moved = (abs((each.got or np.nan) - each.expected.number) for each in checked.metrics)
        numbers = " | ".join(f"{each:.5f}" for each in moved)
        print(f"| {name} | {numbers} | {'passes' if checked.ok else 'is named'} |", flush=True)


def changed(change: Change) -> Callable[..., object]:
    """``footage.write_one`` of changed images, landmarks and audio."""
    return lambda path, images, landmarks, audio: WRITE_ONE(path, *change(images, landmarks, audio))


if __name__ == "__main__":
    main()
