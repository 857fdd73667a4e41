"""Why AudioNet of `--renderer implicit` starts from He's weights, and why its oracle hears raw components.

    python benchmarks/implicit_start.py [--seconds 60] [--steps 500]

A synthetic person; the lip network (`lite`) driven by the 48 components of the true crops, three times: as it
is, from torch's own weights, and from He's with each component z-scored. Printed: how much the 64 numbers
that AudioNet gives vary between frames at the start, and PSNR of test crops, whole and in the mouth's box,
with the mean crop's.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from speechlip.progress import SILENT
from speechlip.recipes.synthetic import SyntheticOptions, generate
from speechlip.rendering.implicit_options import ImplicitOptions
from speechlip.rendering.material import decompose
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.person import find_person
from speechlip.rendering.renderers.implicit.learning import learn
from speechlip.rendering.renderers.implicit.lips import Crops, LipLesson, say
from speechlip.rendering.renderers.implicit.network import context_of

MOUTH = np.s_[:, 30:75, 20:76]
TEST_FRAMES = 40


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--steps", type=int, default=500)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch), SyntheticOptions(identities=1, clips=1, seed=7, seconds=given.seconds))
        person = next(Path(scratch).rglob("*.mp4"))
        options = RenderOptions(detector="sidecar")
        material = decompose(find_person(person, options, "sidecar", SILENT), options, SILENT)
    test = np.arange(material.first, len(material.crops))
    test = test[material.person.seen[test]][:: max(1, len(test) // TEST_FRAMES)]
    true = material.crops[test].astype(float)
    mean = np.broadcast_to(material.space.mean_crop, true.shape)
    print(f"{given.seconds} s, {given.steps} steps of lite, {len(test)} test frames\n")
    print(
        "| AudioNet's weights | components | deviation of what is heard | PSNR, dB | in the mouth | CPU s |"
    )
    print("|---|---|---|---|---|---|")
    print(f"| mean crop | | | {psnr(mean, true):.2f} | {psnr(mean[MOUTH], true[MOUTH]):.2f} | |")
    codes, train = material.codes, material.train
    deviations = codes[train].std(axis=0)
    for start, scale, name in (
        ("He", deviations[0], "own sizes"),
        ("torch", deviations[0], "own sizes"),
        ("He", deviations, "z-scored"),
    ):
        features = ((codes - codes[train].mean(axis=0)) / scale).astype(np.float32)
        deviation, crops, cpu_s = learned(material, features, test, start, given.steps)
        print(
            f"| {start} | {name} | {deviation:.4f} | {psnr(crops, true):.2f} "
            f"| {psnr(crops[MOUTH], true[MOUTH]):.2f} | {cpu_s:.0f} |",
            flush=True,
        )


def learned(material, features, test, start, steps):
    """(mean deviation of the heard numbers between frames before training, test crops after it, CPU s)."""
    first = material.first
    data = Crops(torch.from_numpy(features), torch.from_numpy(material.crops[:first]), material.train, first)
    lesson = LipLesson(data, ImplicitOptions(steps=steps))
    audio = lesson.network.audio
    if start == "torch":
        for layer in (*audio.steps, *audio.ends):
            layer.reset_parameters()
    with torch.no_grad():
        frames = torch.from_numpy(material.train[::10])
        deviation = float(audio(context_of(data.features, frames)).std(dim=0).mean())
    began = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        learn(lesson, Path(scratch) / "lips.pt", "", SILENT)
    cpu_s = time.process_time() - began
    return deviation, say(lesson.network.eval(), data, test, test, "fp32").astype(float), cpu_s


def psnr(one, other):
    """Mean over frames, dB."""
    error = ((one - other) ** 2).mean(axis=(1, 2, 3))
    return float(np.mean(10 * np.log10(255**2 / error)))


if __name__ == "__main__":
    main()
