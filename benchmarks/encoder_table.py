"""The encoder table of docs/benchmark.md: half an hour of rendered speech, the paper's ablation trained on
it, all of it scored beside the controls.

    python benchmarks/encoder_table.py work/ [--preset quick|full] [--runs NAME,...] [--steps 450] [--workers
    2] [--encoder NAME ...]

Makes 480 clips of 48 people in WORK/videos and prepares WORK/shards (people are in one split only); trains
SE4Lip's ablation and the losses that matter by the preset ``fast`` into WORK/runs, ``--workers`` at a time
(three of them for ``--preset quick``, unless ``--runs`` names others); runs ``score-encoder`` into
WORK/benchmark-PRESET and draws WORK/benchmark-PRESET.png. What is done already is not done again. Prints what
it will cost first.
"""

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from os import environ
from pathlib import Path

from speechlip.benchmarking.report.chart import draw_summary

BIN = Path(sys.executable).parent
BATCH = 32
STEP_S = 2.2
"""One step of 32 pairs on one core of an Intel Xeon with AVX-512; only for the estimate."""
RUNS = {
    "mel-cnn": ["--encoder", "mel-cnn"],
    "se4lip": ["--encoder", "se4lip"],
    "mel-gru": ["--encoder", "mel-gru"],
    "stft-cnn": ["--encoder", "stft-cnn"],
    "stft-gru-small": ["--encoder", "stft-gru-small"],
    "mel-cnn-wav2lip": ["--encoder", "mel-cnn-wav2lip"],
    "pase": ["--encoder", "pase", "--preset", "small"],
    "mel-cnn-relu": [
        "--encoder",
        "mel-cnn",
        "--loss",
        "relu",
        "--negatives",
        "shift:0.5,clip:0.25,speaker:0.25",
    ],
    "mel-cnn-s2l": [
        "--encoder",
        "mel-cnn",
        "--loss",
        "s2l",
        "--negatives",
        "shift:0.5,clip:0.25,speaker:0.25",
    ],
}
"""The paper's ablation and a small control; Wav2Lip's mel, the row to beat; PASE by its preset for a CPU; and
two losses with a label for every pair: SE4Lip's and Speech2Lip's.
"""
QUICK_RUNS = "mel-cnn,se4lip,mel-cnn-wav2lip"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--steps", type=int, default=450, help="of every run")
    parser.add_argument("--score-steps", type=int, help="of every head, instead of the preset's")
    parser.add_argument("--seeds", type=int, help="instead of the preset's")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--runs", help=f"which of them to train and score  [default: {QUICK_RUNS}; with --preset full all]"
    )
    parser.add_argument("--encoder", action="append", default=[], help="more encoders to score")
    given = parser.parse_args()
    work, names = (
        given.work,
        (given.runs or (QUICK_RUNS if given.preset == "quick" else ",".join(RUNS))).split(","),
    )
    steps = given.steps * sum(not is_trained(work / "runs" / name, given.steps) for name in names)
    print(
        f"training about {steps * STEP_S / given.workers / 60:.0f} min; score-encoder says its own estimate",
        flush=True,
    )
    began = time.perf_counter()
    corpus(work)
    said("corpus", began)
    began = time.perf_counter()
    with ThreadPoolExecutor(given.workers) as pool:
        runs = list(pool.map(lambda name: train(work, name, given.steps), names))
    said("training", began)
    began, out = time.perf_counter(), f"benchmark-{given.preset}"
    encoders = [word for name in [*runs, *given.encoder] for word in ("--encoder", name)]
    limits = [
        word
        for name in ("score_steps", "seeds")
        if (value := getattr(given, name))
        for word in (f"--{name.removeprefix('score_')}", str(value))
    ]
    command(
        "score-encoder",
        "shards",
        *encoders,
        "--preset",
        given.preset,
        *limits,
        "--workers",
        given.workers,
        "-o",
        out,
        folder=work,
    )
    draw_summary(work / out / "benchmark.json", work / f"{out}.png")
    said("scoring", began)


def corpus(work: Path) -> None:
    command("speechlip", "synthesize", work / "videos", "--identities", 48, "--clips", 10)
    split = "train=0.76,validation=0.04,test=0.2"
    command(
        "prep-shards",
        work / "videos",
        "-o",
        work / "shards",
        "--recipe",
        "synthetic",
        "--detector",
        "sidecar",
        "--split",
        split,
    )


def train(work: Path, name: str, steps: int) -> str:
    """A run of its own process on one thread; one that is finished is left alone.

    Returns its name in WORK.
    """
    run = f"runs/{name}"
    if not is_trained(work / run, steps):
        options = [
            "--preset",
            "fast",
            "--steps",
            steps,
            "--batch-size",
            BATCH,
            "--checkpoint-every",
            steps,
            "--quiet",
            *RUNS[name],
        ]
        command("train-encoder", "shards", *options, "-o", run, folder=work, threads=1)
    return run


def is_trained(run: Path, steps: int) -> bool:
    return (run / f"step-{steps:08d}" / "checkpoint.json").is_file()


def command(name: str, *arguments: object, folder: Path | None = None, threads: int | None = None) -> None:
    environment = environ | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    done = subprocess.run([str(BIN / name), *map(str, arguments)], check=False, env=environment, cwd=folder)
    if done.returncode not in (0, 3):
        raise SystemExit(done.returncode)


def said(stage: str, began: float) -> None:
    print(f"{stage}: {(time.perf_counter() - began) / 60:.1f} min", flush=True)


if __name__ == "__main__":
    main()
