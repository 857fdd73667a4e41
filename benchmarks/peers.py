"""What finding faces costs: our detectors beside S3FD and FAN of face-alignment, which published pipelines
use.

    python benchmarks/peers.py VIDEO [--frames 75] [--sizes 512x512,1280x720] [--turns 3]

Frames of one video with one face, cut to the shape of each size and scaled; every detector reads the same
ones in order, one thread, in turns. CPU time and time on the wall, the median of the turns, in ms per frame.
S3FD and FAN have random weights and run forward only, which takes as long as with any: S3FD over the whole
frame and at a quarter of its side, as syncnet_python runs it; FAN over one face of 256×256, with four
modules.
"""

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before any library starts its threads

import cv2
import numpy as np
import torch

from speechlip.errors import SpeechLipError
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.records import Source
from speechlip.workers.processes import use_one_thread

OURS = ("landmarker", "mediapipe", "cascade")
FAN_PX, FAN_MODULES = 256, 4
PEER_FRAMES = 2
"""So many frames of each turn, as their networks take as long for any."""
QUARTER = 0.25
"""``facedet_scale`` of syncnet_python."""
Run = Callable[[np.ndarray, int], object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, default=75)
    parser.add_argument("--sizes", default="512x512,1280x720")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    use_one_thread()
    sizes = [tuple(map(int, size.split("x"))) for size in given.sizes.split(",")]
    read = list(itertools.islice(images(given.video), given.frames))
    print("| finds | " + " | ".join(f"{w}×{h}, CPU (wall) ms a frame" for w, h in sizes) + " |")
    print("|---|" + "---|" * len(sizes))
    cells: dict[str, list[str]] = {}
    for size in sizes:
        frames = [scaled(image, *size) for image in read]
        for name, (cpu, wall) in measured(given.video, frames, given.turns).items():
            cells.setdefault(name, []).append(f"{cpu:.1f} ({wall:.1f})")
    for name, numbers in cells.items():
        print(f"| {name} | " + " | ".join(numbers) + " |")


def measured(video: Path, frames: list[np.ndarray], turns: int) -> dict[str, tuple[float, float]]:
    """CPU and wall time of one frame in ms, the median of the turns, of everything that can be opened."""
    times: dict[str, list[tuple[float, float]]] = {}
    with ExitStack() as stack, torch.inference_mode():
        runs = dict(ours(video, stack)) | dict(peers())
        for run in runs.values():
            run(frames[0], 0)
        for turn in range(turns):
            for name, run in runs.items():
                shown = frames if name in OURS else frames[:PEER_FRAMES]
                wall, cpu = time.perf_counter(), time.process_time()
                for index, frame in enumerate(shown, 1 + turn * len(shown)):  # time never runs back
                    run(frame, index)
                spent = (time.process_time() - cpu, time.perf_counter() - wall)
                times.setdefault(name, []).append(tuple(1000 * each / len(shown) for each in spent))
    return {
        name: tuple(statistics.median(each) for each in zip(*spent, strict=True))
        for name, spent in times.items()
    }


def ours(video: Path, stack: ExitStack) -> Iterator[tuple[str, Run]]:
    for name in (name for name in OURS if name in DETECTORS.names()):
        try:
            detector = stack.enter_context(open_detector(name, Source(video.name, video, "nobody")))
        except SpeechLipError as problem:
            print(f"{name} is left out: {problem}")
            continue
        yield name, detector.detect


def peers() -> Iterator[tuple[str, Run]]:
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN

    torch.manual_seed(0)
    boxes, points = s3fd().eval(), FAN(FAN_MODULES).eval()
    face = torch.rand(1, 3, FAN_PX, FAN_PX)
    yield "S3FD, whole frame", lambda image, index: boxes(planar(image))
    yield (
        "S3FD, a quarter of the side",
        lambda image, index: boxes(planar(cv2.resize(image, None, fx=QUARTER, fy=QUARTER))),
    )
    yield "FAN, points of one face", lambda image, index: points(face)


def planar(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float()


def images(video: Path) -> Iterator[np.ndarray]:
    """Frames as (H, W, 3) uint8 RGB."""
    for frame in read_frames(video, probe(video)):
        if frame.image is not None:
            yield frame.image.rgb()


def scaled(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The middle of an image, cut to the shape of width × height and scaled to it."""
    rows, columns = image.shape[:2]
    high, wide = min(rows, columns * height // width), min(columns, rows * width // height)
    top, left = (rows - high) // 2, (columns - wide) // 2
    return np.ascontiguousarray(cv2.resize(image[top : top + high, left : left + wide], (width, height)))


if __name__ == "__main__":
    main()
