"""A speech-lip pair trained on synthetic heads: pair AUC on unseen people, and known A/V offsets read back
(docs/training.md).

    python benchmarks/train_synthetic.py work/ [--encoder mel-cnn] [--steps 180] [--batch-size 32]
    [--precision fp32] [--threads 1]

Makes 144 clips of 48 people in WORK/videos, prepares WORK/shards (both kept for the next call), trains by the
preset ``fast``, and prints one row of a Markdown table.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from speechlip.encoders.trained import TrainedPair, load_run
from speechlip.metrics.statistics.pairs import pair_auc
from speechlip.metrics.sync.lse import sync_score
from speechlip.metrics.sync.offsets import offset_accuracy
from speechlip.shards.pairs.rules import KINDS
from speechlip.shards.read.reader import ClipReader
from speechlip.timing import SAMPLES_PER_FRAME
from speechlip.training.options import TrainOptions
from speechlip.training.train import train
from speechlip.training.validation import open_validation

BIN = Path(sys.executable).parent
SHIFTS = range(-10, 11)
ALL_PAIRS = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--encoder", default="mel-cnn")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--steps", type=int, default=180)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    chosen = vars(parser.parse_args())
    work, preset = chosen.pop("work"), chosen.pop("preset")
    torch.set_num_threads(chosen.pop("threads"))
    shards, run = corpus(work), work / f"run-{chosen['encoder']}"
    shutil.rmtree(run, ignore_errors=True)
    options = TrainOptions.preset(preset, **chosen, validate_every=10**9, checkpoint_every=10**9)
    wall_s, cpu_s = -time.perf_counter(), -time.process_time()
    train(shards, run, options)
    wall_s, cpu_s = wall_s + time.perf_counter(), cpu_s + time.process_time()
    trained = load_run(run)
    columns = [
        options.encoder,
        preset,
        f"{options.steps} × {options.batch_size}",
        options.precision,
        f"{wall_s:.0f} s",
        f"{cpu_s:.0f} s",
    ]
    columns += [
        " / ".join(f"{value:.3f}" for value in aucs(trained, shards, split))
        for split in ("validation", "test")
    ]
    accuracy = offset_accuracy(*zip(*offsets(trained, shards), strict=True))
    print(f"| {' | '.join([*columns, f'{accuracy.exact:.1%} of {accuracy.clips}'])} |")


def corpus(work: Path) -> Path:
    """The shards of the synthetic corpus; people are in one split only."""
    videos, shards = work / "videos", work / "shards"
    subprocess.run(
        [BIN / "speechlip", "synthesize", videos, "--identities", "48", "--clips", "3"], check=True
    )
    split = "train=0.8,validation=0.1,test=0.1"
    subprocess.run(
        [
            BIN / "prep-shards",
            videos,
            "-o",
            shards,
            "--recipe",
            "synthetic",
            "--detector",
            "sidecar",
            "--split",
            split,
        ],
        check=True,
    )
    return shards


def aucs(trained: TrainedPair, shards: Path, split: str) -> list[float]:
    """Pair AUC of all frozen pairs of a split, then of the matches with each kind of mismatch."""
    exam, why = open_validation(shards, ALL_PAIRS, split, reads=trained.pair.reads)
    if exam is None:
        raise SystemExit(why)
    cosines = exam.cosines(trained.pair)
    kinds = [np.isin(exam.kind, (0, kind)) for kind in range(1, len(KINDS))]
    return [pair_auc(cosines[chosen], exam.label[chosen]) for chosen in (np.full(len(cosines), True), *kinds)]


def offsets(trained: TrainedPair, shards: Path) -> Iterator[tuple[int, int]]:
    """(measured, true) offset of every test clip with its audio moved by −10 … 10 frames."""
    for clip in ClipReader(shards, "test", fields=("lips", "audio"), shuffle_clips=0):
        lips, _ = trained.features(iter(clip.lips), clip.audio)
        for shift in SHIFTS:
            audio = clip.audio[
                max(0, shift) * SAMPLES_PER_FRAME : (len(clip.lips) + min(0, shift)) * SAMPLES_PER_FRAME
            ]
            seen = lips[max(0, -shift) : len(lips) - max(0, shift)]
            yield sync_score(seen, trained.speech_features(audio), resamples=1).offset_frames, shift


if __name__ == "__main__":
    main()
