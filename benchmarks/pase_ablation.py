"""PASE and its ablation on the synthetic corpus, with noise under the speech: the table of docs/pase.md.

    python benchmarks/pase_ablation.py work/ [--steps 120] [--batch-size 8] [--only full,no-anchors,...]
    [--threads 1] [--picture pase.jpg] [--partners]

Makes the corpus of benchmarks/train_synthetic.py in WORK where it is not there, trains what is not trained
yet into WORK/ablation, each on one thread, and scores it on 12 other people, of another seed, by whom nothing
was trained or chosen: pair AUC and exact offsets by the run's own two halves, VA, AR* and NV of its features,
on clean speech and with white noise 20, 10, 5 and 0 dB below it. ``--only`` trains and scores some of them,
for several processes beside each other; the table has all that are scored. ``--partners`` prints on what AR*
rests: how far each pair of phones that look alike lie apart in the clean features of these runs.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from train_synthetic import BIN, corpus

from speechlip.benchmarking.evaluation.evaluate import curve_of, curve_starts, cut_windows
from speechlip.encoders.checkpoint import checkpoints
from speechlip.encoders.features.noise import with_noise
from speechlip.encoders.trained import TrainedPair, load_run, of_unit_length
from speechlip.metrics.phones.ambiguity import ambiguity
from speechlip.metrics.phones.anchors import lip_anchor, mel_anchor
from speechlip.metrics.phones.tokens import Tokens, choose_tokens, token_features
from speechlip.metrics.statistics.pair_intervals import auc_difference, auc_interval
from speechlip.metrics.sync.lse import offset_of
from speechlip.records import Phone
from speechlip.shards.pairs.freeze import freeze_pairs
from speechlip.shards.pairs.rules import WINDOW, pair_clip
from speechlip.shards.read.decode import ClipSample
from speechlip.shards.read.reader import ClipReader
from speechlip.training.options import TrainOptions
from speechlip.training.train import train

SNR_DB = (None, 20, 10, 5, 0)
"""None: clean."""
PASE = {
    "full": {},
    "no-anchors": {"anchors_weight": 0.0},
    "no-cross-attention": {"alignment": "mean"},
    "no-contrastive": {"contrast_weight": 0.0},
    "no-prediction": {"prediction_weight": 0.0},
    "no-reconstruction": {"audio_weight": 0.0, "mouth_weight": 0.0},
    "no-noise": {"noisy_share": 0.0},
    "no-modality-dropout": {"audio_dropped": 0.0, "lips_dropped": 0.0},
}
OTHERS = {
    "se4lip": {"augment": "noise"},
    "mel-cnn-wav2lip": {"augment": "noise"},
    "se4lip-no-noise": {},
    "mel-cnn-wav2lip-no-noise": {},
}
"""By the preset fast, batches of 32 in bf16, with noise of 5 to 30 dB in training or without. mel-cnn-wav2lip
is the row to beat: second-hand it has three quarters of what PASE gains over HuBERT."""
SHOWN = ["full", *OTHERS]
PAIRS_PER_CLIP = 48
FEWEST_STEPS = 120
RESULT, COSINES = "result.json", "cosines.npy"


@dataclass(frozen=True)
class Speech:
    """The clips that are scored, their frozen pairs and their tokens."""

    clips: list[ClipSample]
    pairs: list
    tokens: Tokens
    anchors: tuple[float, float]
    """AR of the lips and of a mel spectrum."""

    @property
    def label(self) -> np.ndarray:
        return np.array([pair.label for pair in self.pairs])

    @property
    def by_clip(self) -> np.ndarray:
        return np.array([pair.lips_key for pair in self.pairs])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--steps", type=int, default=FEWEST_STEPS)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join([*PASE, *OTHERS]))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--partners", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    shards = given.work / "shards"
    if not (shards / "manifest.json").is_file():
        corpus(given.work)
    speech = None
    for name in filter(None, given.only.split(",")):
        run = given.work / "ablation" / f"{name}-{given.steps}-{given.seed}"
        if not (run / RESULT).is_file():
            trained, cpu_s = trained_run(shards, run, name, given)
            speech = speech or other_people(given.work)
            rows, cosines = scored(trained, speech)
            np.save(run / COSINES, cosines)
            result = {"name": name, "steps": trained.step, "cpu_s": cpu_s, "rows": rows}
            (run / RESULT).write_text(json.dumps(result, indent=1))
    results = list(results_in(given.work / "ablation", given.seed))
    print(table(results))
    speech = speech or other_people(given.work)
    for other in OTHERS:
        for line in differences(given.work / "ablation", f"{given.steps}-{given.seed}", other, speech):
            print(line)
    if given.partners:
        names = [f"{name}-{given.steps}-{given.seed}" for name in given.only.split(",")]
        for line in partners(given.work / "ablation", names, speech):
            print(line)
    if given.picture:
        draw(results, given.picture)


def trained_run(shards: Path, run: Path, name: str, given: argparse.Namespace) -> tuple[TrainedPair, float]:
    """The run of that name, trained or gone on with where it is not finished, and its CPU seconds."""
    each = {"steps": given.steps, "seed": given.seed, "validate_every": 10**9, "checkpoint_every": 10**9}
    if name in PASE:
        options = TrainOptions.preset(
            "small", encoder="pase", batch_size=given.batch_size, **each, **PASE[name]
        )
    else:
        encoder = name.removesuffix("-no-noise")
        options = TrainOptions.preset(
            "fast", encoder=encoder, batch_size=32, precision="bf16", **each, **OTHERS[name]
        )
    spent, began_s, begun = run / "cpu_s.txt", time.process_time(), bool(checkpoints(run))
    before_s = float(spent.read_text()) if begun and spent.is_file() else 0.0
    try:
        train(shards, run, None if begun else options, resume=begun)
    finally:
        cpu_s = before_s + time.process_time() - began_s
        spent.write_text(f"{cpu_s:.1f}\n")
    return load_run(run), cpu_s


def other_people(work: Path) -> Speech:
    """36 clips of 12 people with other faces, voices and sentences, kept as shards in WORK/unseen."""
    videos, shards = work / "unseen-videos", work / "unseen"
    if not (shards / "manifest.json").is_file():
        words = ["--identities", "12", "--clips", "3", "--seed", "1"]
        subprocess.run([BIN / "speechlip", "synthesize", videos, *words], check=True)
        words = ["--recipe", "synthetic", "--detector", "sidecar", "--split", "test=1"]
        subprocess.run([BIN / "prep-shards", videos, "-o", shards, *words], check=True)
    fields = ("lips", "audio", "landmarks", "phones")
    clips = list(ClipReader(shards, "test", fields=fields, shuffle_clips=0, rank=0, world_size=1))
    clips.sort(key=lambda clip: clip.key)
    frozen = freeze_pairs([pair_clip(clip.key, clip.meta) for clip in clips], 0, per_clip=PAIRS_PER_CLIP)
    phones = [tuple(Phone(**row) for row in clip.phones) for clip in clips]
    tokens = choose_tokens(phones, [clip.meta.n_frames for clip in clips])
    sides = [[lip_anchor(clip.landmarks) for clip in clips], [mel_anchor(clip.audio) for clip in clips]]
    lips, mel = (ambiguity(tokens, token_features(tokens, side), resamples=2).ar.value for side in sides)
    return Speech(clips, list(frozen.rows), tokens, (lips, mel))


def scored(trained: TrainedPair, speech: Speech) -> tuple[list[dict], np.ndarray]:
    """One row of numbers for clean speech and for each level of noise; the cosine of every pair in each."""
    lips = {clip.key: lip_rows(trained, clip) for clip in speech.clips}
    rows, all_cosines = [], []
    for snr_db in SNR_DB:
        heard = {
            clip.key: clip.audio if snr_db is None else with_noise(clip.audio, snr_db, clip.key)
            for clip in speech.clips
        }
        features = [trained.speech_embeddings(heard[clip.key]) for clip in speech.clips]
        said = {
            clip.key: speech_rows(trained, heard[clip.key], own)
            for clip, own in zip(speech.clips, features, strict=True)
        }
        measured = ambiguity(
            speech.tokens, token_features(speech.tokens, features), anchors=speech.anchors, resamples=200
        )
        cosines = [
            float(lips[p.lips_key][p.lips_start_frame] @ said[p.audio_key][p.audio_start_frame])
            for p in speech.pairs
        ]
        all_cosines.append(cosines)
        auc = auc_interval(np.array(cosines)[None], speech.label, speech.by_clip, 1000)
        offsets = [
            offset_of(curve_of(lips[clip.key][starts], said[clip.key], starts))
            for clip in speech.clips
            if (starts := curve_starts(len(lips[clip.key])))
        ]
        rows.append(
            {
                "snr_db": snr_db,
                "auc": auc.value,
                "auc_low": auc.ci_low,
                "auc_high": auc.ci_high,
                "offset_exact": float(np.mean(np.array(offsets) == 0)),
                **{key: getattr(measured, key).value for key in ("va", "ar", "ar_star", "nv")},
                **{f"{key}_low": getattr(measured, key).ci_low for key in ("ar_star", "nv")},
                **{f"{key}_high": getattr(measured, key).ci_high for key in ("ar_star", "nv")},
            }
        )
    return rows, np.array(all_cosines, np.float32)


def partners(folder: Path, names: Sequence[str], speech: Speech) -> Iterator[str]:
    """R of every pair that looks alike, NV and NP, of runs, of a mel spectrum and of the lips' points."""
    rows = {
        name: [load_run(folder / name).speech_embeddings(c.audio) for c in speech.clips] for name in names
    }
    rows["mel"] = [mel_anchor(clip.audio) for clip in speech.clips]
    rows["lips"] = [lip_anchor(clip.landmarks) for clip in speech.clips]
    for name, features in rows.items():
        found = ambiguity(speech.tokens, token_features(speech.tokens, features), resamples=2)
        pairs = ", ".join(f"{pair} {value:.2f}" for pair, value in found.pairs.items())
        yield f"{name}: R of {pairs}; NV {found.nv.value:.2f}, NP {found.np.value:.2f}"


def speech_rows(trained: TrainedPair, audio: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Rows of length 1 of every window of a clip's speech, (T − 4, 512), from its features where they are
    those of windows.
    """
    if trained.pair.least_frames == WINDOW:
        return of_unit_length(features[WINDOW // 2 : -(WINDOW // 2)])[:, :-1]
    return trained.speech_features(audio)[:, :-1]


def lip_rows(trained: TrainedPair, clip: ClipSample) -> np.ndarray:
    """Rows of length 1 of every window of a clip's lips, (T − 4, 512)."""
    starts: Sequence[int] = range(len(clip.lips) - WINDOW + 1)
    return np.concatenate([trained.lip_features(part) for part in cut_windows(clip.lips, starts)])[:, :-1]


def results_in(folder: Path, seed: int) -> Iterator[dict]:
    found = [json.loads(path.read_text()) for path in folder.glob(f"*-{seed}/{RESULT}")]
    order = [*PASE, *OTHERS]
    yield from sorted(found, key=lambda result: (order.index(result["name"]), result["steps"]))


def differences(folder: Path, run: str, other: str, speech: Speech) -> Iterator[str]:
    """Pair AUC of ``full`` less that of another, on the same pairs, with its interval over clips."""
    paths = [folder / f"{name}-{run}" / COSINES for name in ("full", other)]
    if not all(path.is_file() for path in paths):
        return
    for snr_db, *both in zip(SNR_DB, *map(np.load, paths), strict=True):
        found = auc_difference(*(row[None] for row in both), speech.label, speech.by_clip, 1000)
        words = "clean" if snr_db is None else f"{snr_db} dB"
        yield f"full less {other}, {words}: {found.value:+.3f} ({found.ci_low:+.3f} … {found.ci_high:+.3f})"


def table(results: Sequence[dict]) -> str:
    """A Markdown table."""
    head = ["", "steps", "CPU", *("clean" if snr is None else f"{snr} dB" for snr in SNR_DB)]
    head += ["offset exact", "VA", "AR*", "NV", "AR*, 5 dB", "NV, 5 dB"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for result in results:
        clean, *_, at_5_db, _ = rows = result["rows"]
        cells = [result["name"], str(result["steps"]), f"{result['cpu_s']:.0f} s"]
        cells += [f"{row['auc']:.3f}" for row in rows]
        cells[3] += f" ({clean['auc_low']:.3f} … {clean['auc_high']:.3f})"
        cells += [f"{clean['offset_exact']:.0%}"]
        cells += [f"{clean['va']:.2f}"]
        cells += [f"{row[key]:.2f}" for row in (clean, at_5_db) for key in ("ar_star", "nv")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(results: Sequence[dict], path: Path) -> None:
    """AUC and AR* over noise, one line a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), dpi=110, layout="constrained")
    words = ["clean" if snr is None else f"{snr} dB" for snr in SNR_DB]
    columns = (("auc", "Pair AUC"), ("ar_star", "AR*, 0: as ambiguous as lips"), ("nv", "NV, visemes read"))
    for axes, (key, title) in zip(figure.subplots(1, 3), columns, strict=True):
        for number, result in enumerate(results):
            name, steps = result["name"], result["steps"]
            label = "pase" if name == "full" else f"− {name.removeprefix('no-')}" if name in PASE else name
            colour, width = (f"C{SHOWN.index(name)}", 2.2) if name in SHOWN else (None, 0.9)
            axes.plot(
                words,
                [row[key] for row in result["rows"]],
                color=colour or f"C{3 + number % 7}",
                alpha=1 if colour else 0.6,
                linewidth=width,
                linestyle="--" if colour and steps == FEWEST_STEPS else "-",
                label=f"{label}, {steps} steps",
            )
        axes.set_title(title, loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.axes[-1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path)


if __name__ == "__main__":
    main()
