"""Time and memory of each renderer of ``render-lips``: learning, and frames a second of rendering.

python benchmarks/renderer_cost.py                   1 min of video on the CPU, one thread
python benchmarks/renderer_cost.py --device cuda --precision bf16

Noise in the place of crops and features: what they show changes no time. Training takes as many steps for any
length of video, so that its time is of the steps measured here; memory is above that of libraries and crops.
"""

import argparse
import multiprocessing
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from speechlip.device import choose_device
from speechlip.progress import SILENT
from speechlip.rendering.implicit_options import ImplicitOptions
from speechlip.rendering.lip_space import CROP_COMPONENTS, LipSpace
from speechlip.rendering.principal import principal
from speechlip.rendering.renderers.implicit.blend import BlendLesson, blended
from speechlip.rendering.renderers.implicit.learning import learn
from speechlip.rendering.renderers.implicit.lips import Crops, LipLesson, say
from speechlip.rendering.renderers.implicit.network import parameters
from speechlip.rendering.renderers.pca import fit_codes

PAPER_FPS, DIM = 18, 160
STEPS = {"lite": 20, "faithful": 3}
BLEND_STEPS = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--frames", type=int, default=32, help="that are rendered")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="fp32")
    given = parser.parse_args()
    print(f"{given.minutes:g} min, features of {DIM} numbers, {given.device}, {given.precision}\n")
    print("| renderer | parameters | learning, CPU s (wall s) | frames/s by CPU (by wall) | memory, MB |")
    print("|---|---|---|---|---|")
    for name in ("pca", "lite", "faithful", "lite, blend"):
        with multiprocessing.get_context("spawn").Pool(1) as alone:  # a peak of its own
            print(alone.apply(measured, (name, given)), flush=True)
    print(f"\nthe paper's: {PAPER_FPS} frames/s, 658 691 parameters and Blend-Net's 1 036 035")


def measured(name, given):
    """One row of the table."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    count = round(given.minutes * 60 * 25)
    crops = rng.integers(0, 256, (count, 96, 96, 3), np.uint8)
    features = rng.normal(size=(count, DIM)).astype(np.float32)
    before = peak_mb(given.device)
    measure = pca if name == "pca" else implicit
    count, steps, learned, rendered = measure(name, crops, features, given)
    memory = peak_mb(given.device) - before
    learning = " (".join(f"{each * steps:.0f}" for each in learned) + ")"
    per_s = " (".join(f"{given.frames / each:.1f}" for each in rendered) + ")"
    by = f", {steps} steps of {learned[0] * 1000:.0f} ms" if steps > 1 else ""
    numbers = f"{count:,}".replace(",", " ") if count else "none"
    return f"| `{name}` | {numbers} | {learning}{by} | {per_s} | {memory:.0f} |"


def pca(name, crops, features, given):
    train = np.arange(len(crops))

    def fit():
        space = LipSpace(principal(crops, CROP_COMPONENTS))
        return space, fit_codes(features, space.codes(crops), train)

    (space, fitted), learned = timed(fit)
    _, rendered = timed(lambda: space.crops(fitted.codes[: given.frames]))
    return 0, 1, learned, rendered


def implicit(name, crops, features, given):
    device, train = choose_device(given.device), np.arange(len(crops))
    size, _, blend = name.partition(", ")
    data = Crops(torch.from_numpy(features).to(device), torch.from_numpy(crops).to(device), train, len(crops))
    options = ImplicitOptions(size=size, precision=given.precision, lpips_weight=0.0, blend=bool(blend))
    lesson = LipLesson(data, options)
    network, wanted, shown = lesson.network, options.all_steps, np.arange(given.frames)
    rendering = lambda: say(network, data, shown, shown, given.precision)  # noqa: E731
    if blend:
        lesson, wanted = BlendLesson(data, network, options), options.blend_steps
        rendered_crops = rendering()
        rendering = lambda: blended(lesson.network, rendered_crops, crops[shown], device)  # noqa: E731
    steps = BLEND_STEPS if blend else STEPS[size]
    lesson.steps = 1
    with TemporaryDirectory() as scratch:
        learn(lesson, Path(scratch) / "first.pt", "", SILENT)  # whatever the first step alone does
        lesson.steps = steps
        _, learned = timed(lambda: learn(lesson, Path(scratch) / "more.pt", "", SILENT))
    _, rendered = timed(rendering)
    return parameters(lesson.network), wanted, [each / steps for each in learned], rendered


def timed(work):
    """What a function gives, and its CPU and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    given = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return given, [time.process_time() - cpu, time.perf_counter() - wall]


def peak_mb(device):
    """Peak memory of this process, or of the GPU."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
