"""Image metrics by size: CPU and wall time of a frame, beside scikit-image's functions and the packages.

    python benchmarks/image_metrics.py [CLIP] [--turns 5] [--quick]

The other side of each ratio, with which ``score-sync`` computed before: PSNR by NumPy in float64, SSIM by
scikit-image's ``structural_similarity``, CPBD step by step with scikit-image's ``canny``
(tests/metrics/cpbd_reference.py), LPIPS by the package ``lpips``, a pair at a time. Render and reference are
neighbouring frames of CLIP, scaled to each size; by default a photograph, blurred and not, both with noise.
One thread; both sides turn by turn, the fastest turn of each counts. LPIPS has random weights: the work is
the same.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from runpy import run_path

import cv2
import numpy as np
import torch

from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.metrics import cpbd, cut, psnr, ssim
from speechlip.metrics.image.lpips import lpips_distances, random_lpips

Image = np.ndarray
SIZES = {"512 × 512": (512, 512), "1280 × 720": (1280, 720), "1080 × 1920": (1080, 1920)}
REGIONS = {"mouth, 190 × 127": (445, 1200, 635, 1327), "face, 500 × 600": (290, 800, 790, 1400)}
LISTS_PX, LISTS = ((120, 80), (256, 256), (512, 512)), (1, 2, 8)
REFERENCE = Path(__file__).parents[1] / "tests" / "metrics" / "cpbd_reference.py"
AT_FRAME = 25
FRAME_S = 0.04


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path, nargs="?")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument(
        "--quick", action="store_true", help="the smallest size only, without regions and lists of pairs"
    )
    given = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    images = neighbours(given.clip) if given.clip else photographs()
    print("| image | metric | other side, ms of CPU (wall) | speechlip | ratio | largest difference |")
    print("|---|---|---|---|---|---|")
    for name, size in list(SIZES.items())[: 1 if given.quick else None]:
        print_size(name, [scaled(image, size) for image in images], given.turns)
    if not given.quick:
        print_regions([scaled(image, SIZES["1080 × 1920"]) for image in images], given.turns)
        print_lists(images, given.turns)


def neighbours(clip: Path) -> tuple[Image, Image]:
    """Two frames of a clip, a second after it begins."""
    reading = read_frames(clip, probe(clip, need_audio=False))
    frames = [frame.rgb() for frame, _ in zip(reading, range(AT_FRAME + 2), strict=False) if frame.image]
    reading.close()
    return frames[-2], frames[-1]


def photographs() -> tuple[Image, Image]:
    """A photograph, and it blurred; both with noise, as a decoder leaves some."""
    from skimage import data

    rng, photo = np.random.default_rng(0), np.tile(data.astronaut(), (3, 3, 1))
    noisy = [
        np.clip(image + rng.normal(0, 2, image.shape).round(), 0, 255).astype(np.uint8)
        for image in (cv2.GaussianBlur(photo, (0, 0), 1.5), photo)
    ]
    return noisy[0], noisy[1]


def scaled(image: Image, size: tuple[int, int]) -> Image:
    """Cut to the shape of ``size`` (width, height), then scaled to it."""
    height, width = image.shape[:2]
    share = min(width / size[0], height / size[1])
    wide, high = round(size[0] * share), round(size[1] * share)
    left, top = (width - wide) // 2, (height - high) // 2
    return cv2.resize(image[top : top + high, left : left + wide], size, interpolation=cv2.INTER_AREA)


def psnr_in_float64(render: Image, reference: Image) -> float:
    return float(10 * np.log10(255**2 / np.mean(np.square(render.astype(np.float64) - reference))))


def package_lpips(model: torch.nn.Module, render: Image, reference: Image) -> float:
    import lpips

    with torch.inference_mode():
        return float(model(*(lpips.im2tensor(image) for image in (render, reference))))


def metrics() -> dict[str, tuple[Callable[[Image, Image], float], Callable[[Image, Image], float]]]:
    """Name → the other side and ours, each of render and reference."""
    from skimage.metrics import structural_similarity

    step_by_step, model = run_path(str(REFERENCE))["cpbd"], random_lpips()
    return {
        "PSNR": (psnr_in_float64, psnr),
        "SSIM": (lambda x, y: structural_similarity(x, y, channel_axis=-1, data_range=255), ssim),
        "CPBD": (lambda x, y: step_by_step(x), lambda x, y: cpbd(x)),
        "LPIPS": (partial(package_lpips, model), lambda x, y: lpips_distances(model, [x], [y])[0]),
    }


def print_size(name: str, pair: list[Image], turns: int) -> None:
    three = np.zeros((2, 2))
    for metric, sides in metrics().items():
        seconds, values = timed(sides, pair, turns)
        if metric != "LPIPS":
            three += seconds
        print_row(name, metric, seconds, f"{abs(values[0] - values[1]):.0e}")
    print_row(name, "PSNR, SSIM, CPBD", three, "")
    before, after = FRAME_S / three[:, 0]
    print(f"| {name} | the three, video-seconds per second | {before:.2f} | {after:.2f} | | |", flush=True)


def timed(
    sides: tuple[Callable[[Image, Image], float], ...], pair: list[Image], turns: int
) -> tuple[np.ndarray, list[float]]:
    """Least CPU and wall seconds of each side, (sides, 2), and the values."""
    values = [side(*pair) for side in sides]
    seconds = np.empty((turns, len(sides), 2))
    for turn in seconds:
        for place, side in enumerate(sides):
            cpu, wall = time.process_time(), time.perf_counter()
            side(*pair)
            turn[place] = time.process_time() - cpu, time.perf_counter() - wall
    return seconds.min(axis=0), values


def print_row(name: str, metric: str, seconds: np.ndarray, difference: str) -> None:
    (cpu, wall), (our_cpu, our_wall) = 1000 * seconds
    print(
        f"| {name} | {metric} | {cpu:.1f} ({wall:.1f}) | {our_cpu:.1f} ({our_wall:.1f}) "
        f"| {cpu / our_cpu:.1f} × | {difference} |",
        flush=True,
    )


def print_regions(pair: list[Image], turns: int) -> None:
    """What a region of a 1080 × 1920 image costs, as a share of the whole image's cost."""
    print("\n| region of 1080 × 1920 | share of the pixels | of the time: PSNR | SSIM | CPBD | LPIPS |")
    print("|---|---|---|---|---|---|")
    sides = {name: (ours,) for name, (_, ours) in metrics().items()}
    whole = {name: timed(side, pair, turns)[0][0, 0] for name, side in sides.items()}
    for region, box in REGIONS.items():
        cuts = [cut(image, box) for image in pair]
        share = cuts[0].size / pair[0].size
        shares = [f"{timed(side, cuts, turns)[0][0, 0] / whole[name]:.1%}" for name, side in sides.items()]
        print(f"| {region} | {share:.1%} | {' | '.join(shares)} |")


def print_lists(images: tuple[Image, Image], turns: int) -> None:
    """LPIPS of several pairs at once."""
    print(
        "\n| LPIPS, ms of CPU a pair | package | " + " | ".join(f"{pairs} at once" for pairs in LISTS) + " |"
    )
    print("|---|---|" + "---|" * len(LISTS))
    model = random_lpips()
    for size in LISTS_PX:
        pair = [scaled(image, size) for image in images]
        ours = (
            lambda x, y, pairs=pairs: lpips_distances(model, [x] * pairs, [y] * pairs)[0] for pairs in LISTS
        )
        seconds, _ = timed((partial(package_lpips, model), *ours), pair, turns)
        each = 1000 * seconds[:, 0] / [1, *LISTS]
        print(f"| {size[0]} × {size[1]} | {' | '.join(f'{ms:.1f}' for ms in each)} |", flush=True)


if __name__ == "__main__":
    main()
