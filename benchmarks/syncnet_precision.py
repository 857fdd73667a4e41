"""How far SyncNet's scores move in bf16, on real clips.

    python benchmarks/syncnet_precision.py CLIPS [--weights FILE] [--seconds 1.6] [--seeds 3]

LSE-C, LSE-D and offset of the first seconds of every clip, its upper middle as the crop, in fp32 and in bf16.
Without ``--weights`` the network has seeded random ones, whose distances are about as large as those of
trained ones: what rounding does to sums, not what it does to scores of lips that are in sync. Give the
official file for that.
"""

import argparse
import itertools
import math
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch

from speechlip.errors import SourceRefused
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.metrics.sync import CROP_PX
from speechlip.metrics.sync.lse import SyncScore, sync_score
from speechlip.metrics.sync.syncnet import load_syncnet, sync_features
from speechlip.metrics.sync.syncnet_network import BF16, FP32, official_shapes
from speechlip.timing import FPS

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--seconds", type=float, default=1.6)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    paths = sorted(path for path in given.clips.iterdir() if path.suffix in VIDEOS)
    clips = [clip for path in paths if (clip := crops_and_audio(path, given.seconds))]
    print(f"{len(clips)} clips, {given.seconds:g} s of each\n")
    print("| weights | LSE-D in fp32 | max. |ΔLSE-D| | max. |ΔLSE-C| | offsets that differ |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, weights in weights_of(given.weights, given.seeds, Path(folder)):
            print_row(name, weights, clips)


def weights_of(given: Path | None, seeds: int, folder: Path):
    """Names and files: the one given, or random ones."""
    if given:
        yield given.name, given
        return
    for seed in range(seeds):
        path = folder / f"{seed}.model"
        torch.save(random_state(seed), path)
        yield f"random, seed {seed}", path


def print_row(name: str, weights: Path, clips: list[tuple[np.ndarray, np.ndarray]]) -> None:
    whole, lower = (scores(weights, precision, clips) for precision in (FP32, BF16))
    pairs = list(zip(whole, lower, strict=True))
    d, c = (max(abs(getattr(a, name) - getattr(b, name)) for a, b in pairs) for name in ("lse_d", "lse_c"))
    moved = sum(a.offset_frames != b.offset_frames for a, b in pairs)
    low, high = min(score.lse_d for score in whole), max(score.lse_d for score in whole)
    print(f"| {name} | {low:.1f} … {high:.1f} | {d:.1e} | {c:.1e} | {moved} |", flush=True)


def scores(weights: Path, precision: str, clips: list[tuple[np.ndarray, np.ndarray]]) -> list[SyncScore]:
    model = load_syncnet(weights, allow_unknown=True, precision=precision)
    return [sync_score(*sync_features(model, iter(crops), audio)) for crops, audio in clips]


def crops_and_audio(path: Path, seconds: float) -> tuple[np.ndarray, np.ndarray] | None:
    """(T, 224, 224, 3) uint8 BGR and (640 T,) int16 of a video's beginning; None where it has no sound."""
    try:
        info = probe(path)
    except SourceRefused:
        return None
    crops, samples = [], []
    for frame in itertools.islice(read_frames(path, info), int(FPS * seconds)):
        image = frame.image.rgb()[..., ::-1]
        side = min(image.shape[:2]) * 3 // 4
        left = (image.shape[1] - side) // 2
        crops.append(cv2.resize(image[:side, left : left + side], (CROP_PX, CROP_PX)))
        samples.append(frame.samples)
    audio = np.concatenate(samples)
    return (np.stack(crops), audio) if audio.any() else None


def random_state(seed: int) -> dict[str, torch.Tensor]:
    """Weights of the official shapes whose two branches share their last bias."""
    random = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in official_shapes().items():
        noise = torch.randn(shape, generator=random)
        if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            state[name] = 0.75 + 0.5 * torch.rand(shape, generator=random)
        else:
            state[name] = noise * (0.1 if len(shape) == 1 else math.sqrt(2 / math.prod(shape[1:])))
    state["netcnnlip.0.weight"] /= 100  # crops are 0…255
    state["netfclip.3.weight"] *= 0.01
    state["netfcaud.3.weight"] *= 0.003
    state["netfclip.3.bias"] *= 2
    state["netfcaud.3.bias"] = state["netfclip.3.bias"].clone()
    return state


if __name__ == "__main__":
    main()
