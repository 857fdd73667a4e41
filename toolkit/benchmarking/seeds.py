"""The seeds of a row: trained or loaded, evaluated, and kept when they are there, so that a row can go on."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from speechlip.benchmarking.evaluation.evaluate import (
    Embed,
    Evaluation,
    embed_as_trained,
    embed_with,
    evaluate,
)
from speechlip.benchmarking.evaluation.noise import NoiseLevel, hearing_noise
from speechlip.benchmarking.evaluation.scores import seed_result
from speechlip.benchmarking.job import Advance, RowJob
from speechlip.benchmarking.projection.feature_cache import FeatureCache
from speechlip.benchmarking.rates import VALIDATION, fitted
from speechlip.benchmarking.row_records import Rate, SeedResult
from speechlip.benchmarking.tasks import Task
from speechlip.encoders.trained import load_run
from speechlip.errors import SpeechLipError
from speechlip.files.writing import whole_file


@dataclass(frozen=True)
class SeedRun:
    """One seed as its file keeps it."""

    evaluation: Evaluation
    steps: int
    """Of its training."""
    loss: float | None
    """At the end of the training; None for a run as it was trained."""
    seconds: float
    """Wall clock of training and evaluation."""
    mix: tuple[float, ...] = ()
    """Weight of each layer; empty where none were mixed."""

    def result(self, seed: int, job: RowJob) -> SeedResult:
        return seed_result(seed, self.steps, self.loss, self.evaluation, job.pair_facts, self.mix)


def evaluations_of(job: RowJob, task: Task) -> list[Evaluation]:
    """Of every seed that is there, in their order."""
    return [load_seed(path).evaluation for path in sorted(job.folder(task).glob("seed-*.npz"))]


def seeds_of(
    task: Task,
    cache: FeatureCache,
    noise: Sequence[NoiseLevel],
    rate: Rate | None,
    advance: Advance,
    job: RowJob,
) -> Iterator[SeedRun]:
    """Each seed; those that an earlier run finished are read. rate: None for a run as it was trained."""
    folder, n_seeds = job.folder(task), 1 if rate is None else job.options.seeds
    for seed in range(n_seeds):
        path = folder / f"seed-{seed:03d}.npz"
        if not path.exists():
            save_seed(path, run_seed(task, cache, noise, seed, rate, advance, job))
        else:
            advance(f"{task.label}: seed {seed} was there", 0 if rate is None else job.options.steps)
        yield load_seed(path)


def run_seed(
    task: Task,
    cache: FeatureCache,
    noise: Sequence[NoiseLevel],
    seed: int,
    rate: Rate | None,
    advance: Advance,
    job: RowJob,
) -> SeedRun:
    """Train (or load what is trained) and evaluate. Evaluations with noise are left on disk."""
    began, device = time.perf_counter(), torch.device(job.options.device)
    embed: Embed
    reads: tuple[str, ...]
    loss: float | None
    mix: tuple[float, ...] = ()
    trained_s = 0.0
    if rate is None:
        trained = load_run(task.name, job.options.device)
        embed, reads, steps, loss = embed_as_trained(trained), ("lips", "audio"), trained.step, None
        noisy = {level: hearing_noise(embed, level.snr_db) for level in noise}
    else:
        done = fitted(task, cache, rate.lr, seed, advance, job, keep=rate.by == VALIDATION)
        began, trained_s, loss, pair = time.perf_counter(), done.seconds, done.loss, done.pair
        embed, reads, steps = embed_with(pair, cache, device), ("lips",), job.options.steps
        noisy = {level: embed_with(pair, level.cache, device) for level in noise}
        mix = () if pair.mix is None else pair.mix.weights()
    doing = f"{task.label}: evaluating, seed {seed}"

    def evaluated(heard: Embed) -> Evaluation:
        after_clip = lambda key: advance(doing, 0)  # noqa: E731
        every = job.options.curve_every
        return evaluate(heard, job.shards, job.facts.split, reads, job.pairs, every, after_clip)

    for level, heard in noisy.items():
        path = job.folder(task) / f"{level.name}-seed-{seed:03d}.npz"
        save_seed(path, SeedRun(evaluated(heard), steps, loss, 0.0))
    evaluation = evaluated(embed)
    return SeedRun(evaluation, steps, loss, trained_s + time.perf_counter() - began, mix)


def save_seed(path: Path, run: SeedRun) -> None:
    facts: dict[str, Any] = {
        "steps": run.steps,
        "loss": np.nan if run.loss is None else run.loss,
        "seconds": run.seconds,
        "mix": np.array(run.mix, np.float64),
    }
    arrays = {field.name: getattr(run.evaluation, field.name) for field in fields(run.evaluation)}
    with whole_file(path) as file:
        np.savez(file, **arrays, **facts)


def load_seed(path: Path) -> SeedRun:
    """Raises SpeechLipError where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as content:
            evaluation = Evaluation(**{field.name: content[field.name] for field in fields(Evaluation)})
            loss = float(content["loss"])
            return SeedRun(
                evaluation,
                int(content["steps"]),
                None if np.isnan(loss) else loss,
                float(content["seconds"]),
                tuple(content["mix"].tolist()),
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise SpeechLipError(
            f"{path} cannot be read ({error}); delete it, and run the same command again"
        ) from error
