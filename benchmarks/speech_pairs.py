"""What pairs drawn where somebody speaks change: AUC of a small trained encoder and of shuffled speech, on
synthetic heads that also listen.

    python benchmarks/speech_pairs.py work/ [--identities 24] [--clips 2] [--steps 120] [--batch-size 32]

Synthetic speakers hardly pause, so each clip is followed by its own frames played backwards in silence, as
long as --pause of it. Prepares that corpus with ``--pairs any`` and ``--pairs speech`` and trains the preset
``fast`` on each. Scores both on both sets of frozen test pairs, and once more with the speech of every pair
exchanged for that of the pair half the list away (*shuffled*). Prints two Markdown tables.
"""

import argparse
import shutil
import time
from pathlib import Path

import av
import numpy as np
import torch

from speechlip.encoders.trained import TrainedPair, load_run
from speechlip.manifest import Manifest
from speechlip.metrics.statistics.pairs import pair_auc
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.prepare import prepare
from speechlip.recipes.synthetic import SyntheticOptions, generate
from speechlip.shards.pairs.frozen import read_pairs
from speechlip.shards.pairs.rules import KINDS, PAIRS, PairRules
from speechlip.shards.read.reader import ClipReader
from speechlip.timing import SAMPLE_RATE, SAMPLES_PER_FRAME
from speechlip.training.options import TrainOptions
from speechlip.training.train import train
from speechlip.training.validation import open_validation

ALL_PAIRS = 100_000
SPLIT = {"train": 0.7, "validation": 0.1, "test": 0.2}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--identities", type=int, default=24)
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--pause", type=float, default=0.5)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    videos = corpus(given.work, given.identities, given.clips, given.pause)
    shards = {pairs: prepared(videos, given.work / f"shards-{pairs}", pairs) for pairs in PAIRS}
    print("| frozen test pairs | pairs | windows of less than half speech |\n|---|---|---|")
    for pairs, folder in shards.items():
        print(f"| {pairs} | {described(folder)} |")
    print(f"\n| trained on | scored on | AUC: all / {' / '.join(KINDS[1:])} | shuffled | CPU s |")
    print("|---|---|---|---|---|")
    for pairs in PAIRS:
        began = time.process_time()
        trained = trained_on(shards[pairs], given.work / f"run-{pairs}", pairs, given.steps, given.batch_size)
        cpu_s = time.process_time() - began
        for other, folder in shards.items():
            own, shuffled = aucs(trained, folder)
            print(f"| {pairs} | {other} | {own} | {shuffled} | {cpu_s:.0f} |", flush=True)


def corpus(work: Path, identities: int, clips: int, pause: float) -> Path:
    """Videos of synthetic heads that speak, and then listen."""
    out = work / "videos"
    if not out.exists():
        generate(work / "speaking", SyntheticOptions(identities=identities, clips=clips, seed=11))
        for path in sorted((work / "speaking").rglob("*.mp4")):
            with_pause(path, out / path.relative_to(work / "speaking"), pause)
    return out


def with_pause(source: Path, target: Path, pause: float) -> None:
    """A copy with its last frames played backwards in silence behind it."""
    with av.open(str(source)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(source)) as container:
        resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        parts = [
            part.to_ndarray()[0] for got in container.decode(audio=0) for part in resampler.resample(got)
        ]
    with np.load(source.with_name(f"{source.stem}.landmarks.npz")) as sidecar:
        landmarks = sidecar["landmarks"]
    n_frames = min(len(frames), len(landmarks))
    order = [*range(n_frames), *range(n_frames - 1, n_frames - 1 - int(pause * n_frames), -1)]
    audio = np.concatenate(parts)[: n_frames * SAMPLES_PER_FRAME]
    noise = np.random.default_rng(0).normal(0, 30, len(order) * SAMPLES_PER_FRAME).astype(np.int16)
    noise[: len(audio)] += audio
    target.parent.mkdir(parents=True, exist_ok=True)
    write_video(target, [frames[index] for index in order], noise)
    np.savez(
        target.with_name(f"{target.stem}.landmarks.npz"),
        landmarks=landmarks[order],
        time_s=np.arange(len(order)) / 25,
    )


def write_video(path: Path, frames: list[np.ndarray], audio: np.ndarray) -> None:
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"crf": "18", "preset": "ultrafast"})
        video.height, video.width, video.pix_fmt = *frames[0].shape[:2], "yuv420p"
        speech = out.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for image in frames:
            out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        block = av.AudioFrame.from_ndarray(audio[None], format="s16", layout="mono")
        block.sample_rate = SAMPLE_RATE
        out.mux(speech.encode(block))
        out.mux(video.encode(None))
        out.mux(speech.encode(None))


def prepared(videos: Path, out: Path, pairs: str) -> Path:
    prepare(videos, out, PrepOptions(detector="sidecar", split=SPLIT, pairs=pairs), workers=1)
    return out


def described(folder: Path) -> str:
    """Frozen test pairs, and how many of their windows of lips have less than half speech."""
    clips = {clip.key: clip.meta for clip in ClipReader(folder, "test", fields=("lips",), shuffle_clips=0)}
    rows, rules = read_pairs(folder / "pairs" / "test.parquet"), PairRules()
    silent = 0
    for row in rows:
        meta = clips[row.lips_key]
        spoken = tuple((round(start * 25), round(stop * 25)) for start, stop in meta.speech or ())
        silent += row.lips_start_frame not in rules.open_starts(meta.n_frames, spoken)
    manifest = Manifest.load((folder / "manifest.json").read_bytes())
    assert manifest.pairs["test"].rows == len(rows)
    return f"{len(rows)} | {silent / max(1, len(rows)):.1%}"


def trained_on(shards: Path, run: Path, pairs: str, steps: int, batch_size: int) -> TrainedPair:
    shutil.rmtree(run, ignore_errors=True)
    options = TrainOptions.preset(
        "fast",
        encoder="mel-cnn",
        pairs=pairs,
        steps=steps,
        batch_size=batch_size,
        validate_every=10**9,
        checkpoint_every=10**9,
    )
    train(shards, run, options)
    return load_run(run)


def aucs(trained: TrainedPair, shards: Path) -> tuple[str, str]:
    """AUC of the frozen test pairs: of all, of the matches with each kind of mismatch; and shuffled."""
    exam, why = open_validation(shards, ALL_PAIRS, "test", reads=trained.pair.reads)
    if exam is None:
        raise SystemExit(why)
    cosines = exam.cosines(trained.pair)
    kinds = [np.full(len(cosines), True), *(np.isin(exam.kind, (0, k)) for k in range(1, len(KINDS)))]
    own = " / ".join(f"{pair_auc(cosines[chosen], exam.label[chosen]):.3f}" for chosen in kinds)
    speech = torch.cat([batch["spectrogram"] for batch in exam.batches])
    moved = speech.roll(len(speech) // 2, 0)
    place = 0
    for batch in exam.batches:
        batch["spectrogram"] = moved[place : place + len(batch["label"])]
        place += len(batch["label"])
    return own, f"{pair_auc(exam.cosines(trained.pair), exam.label):.3f}"


if __name__ == "__main__":
    main()
