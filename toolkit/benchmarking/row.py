"""One row of the table, from an encoder's name to its numbers.

What a seed evaluation is kept as soon as it is there, so that a row can go on.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from speechlip.benchmarking.evaluation.cost import CostTask, measured_cost
from speechlip.benchmarking.evaluation.evaluate import (
    Embed,
    Evaluation,
    embed_as_trained,
    embed_with,
    evaluate,
)
from speechlip.benchmarking.evaluation.noise import NoiseLevel, hearing_noise, noise_levels, noise_scores
from speechlip.benchmarking.evaluation.phones import AnchorRatios, ambiguity_of
from speechlip.benchmarking.evaluation.scores import PairFacts, row_scores, seed_result
from speechlip.benchmarking.options import BenchmarkOptions
from speechlip.benchmarking.projection.feature_cache import FeatureCache, build_cache
from speechlip.benchmarking.projection.fit import fit
from speechlip.benchmarking.projection.projection_head import ProjectionHead
from speechlip.benchmarking.records import (
    AS_TRAINED,
    FAILED,
    SCORED,
    EncoderRow,
    NoiseScores,
    SeedResult,
    ShardsFacts,
    row_from,
)
from speechlip.benchmarking.tasks import Task
from speechlip.encoders.features.catalogue import open_encoder
from speechlip.encoders.networks.layers import parameter_count
from speechlip.encoders.trained import load_run
from speechlip.errors import ModelError, SourceRefused, SpeechLipError
from speechlip.files.writing import whole_file, write_text
from speechlip.format import pairs_file
from speechlip.shards.pairs.frozen import FrozenPair, read_pairs
from speechlip.training.processes.accelerator import smaller_batch_advised
from speechlip.workers.unexpected import unexpected_refused

ROWS_FOLDER, ROW, FEATURES = ".rows", "row.json", "features"
Advance = Callable[[str, float], None]
"""advance(what is being done, training steps done since the last call)"""


@dataclass(frozen=True)
class RowJob:
    """What all rows of a run share."""

    out: Path
    shards: Path
    facts: ShardsFacts
    options: BenchmarkOptions
    """Split and device settled."""
    anchors: AnchorRatios
    """What AR* is measured between."""

    @cached_property
    def pairs(self) -> tuple[FrozenPair, ...]:
        return read_pairs(self.shards / pairs_file(self.facts.split))

    @cached_property
    def pair_facts(self) -> PairFacts:
        return PairFacts.of(self.pairs, self.facts.off)

    def folder(self, task: Task) -> Path:
        return self.out / ROWS_FOLDER / task.key


def finished_row(job: RowJob, task: Task) -> EncoderRow | None:
    """The row as an earlier run left it, or None where it is not whole."""
    try:
        row = row_from(json.loads((job.folder(task) / ROW).read_text(encoding="utf-8")))
        tokens = row.ambiguity.tokens_file
        whole = len(evaluations_of(job, task)) == len(row.seeds) and (
            not tokens or (job.out / tokens).is_file()
        )
        return replace(row, label=task.label, role=task.role, note=task.note) if whole else None
    except (SpeechLipError, OSError, ValueError, TypeError, KeyError):
        return None


def evaluations_of(job: RowJob, task: Task) -> list[Evaluation]:
    """Of every seed that is there, in their order."""
    return [load_seed(path)[0] for path in sorted(job.folder(task).glob("seed-*.npz"))]


def make_row(task: Task, advance: Advance, *, job: RowJob) -> EncoderRow:
    """Score one encoder. No error of an encoder goes further than this: it becomes a row with its reason."""
    advance(f"{task.label}: begins", 0)
    try:
        with unexpected_refused("row", SpeechLipError), one_thread(job.options.device):
            row = scored_row(task, advance, job)
        write_text(job.folder(task) / ROW, json.dumps(asdict(row), ensure_ascii=False, allow_nan=False))
    except SourceRefused as refusal:
        row = failed_row(task, f"{refusal.reason}: {refusal.detail}")
    except SpeechLipError as error:
        row = failed_row(task, str(error))
    shutil.rmtree(job.folder(task) / FEATURES, ignore_errors=True)
    return row


def failed_row(task: Task, reason: str) -> EncoderRow:
    return EncoderRow(task.name, task.label, task.role, task.mode, FAILED, reason, task.note)


@contextmanager
def one_thread(device: str) -> Iterator[None]:
    """On a CPU the same order of sums, so the same numbers, whatever the processes and cores."""
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1 if device == "cpu" else before)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def scored_row(task: Task, advance: Advance, job: RowJob) -> EncoderRow:
    """Open the encoder, cache its features, train and evaluate every seed, and put the numbers together.

    Raises what any of these raises.
    """
    folder, options, split = job.folder(task), job.options, job.facts.split
    folder.mkdir(parents=True, exist_ok=True)
    if task.mode == AS_TRAINED:
        refuse_other_crops(task, job.facts)
    features = open_encoder(task.name, options.device, options.random_init)
    splits = (split,) if task.mode == AS_TRAINED else ("train", split)
    advance(f"{task.label}: features", 0)
    cache = build_cache(
        folder / FEATURES, features, job.shards, splits, lambda frames: advance(f"{task.label}: features", 0)
    )
    advance(f"{task.label}: features with noise", 0)
    noise = noise_levels(folder / FEATURES / "noise", features, cache, job.shards, split, options.noise_db)
    with smaller_batch_advised(options.batch_size):
        seeds, evaluations, seconds = zip(*seeds_of(task, cache, noise, advance, job), strict=True)
    advance(f"{task.label}: ambiguity, cost", 0)
    clock = features.clock
    return EncoderRow(
        name=task.name,
        label=task.label,
        role=task.role,
        mode=task.mode,
        status=SCORED,
        note=task.note,
        dim=features.dim,
        frame_dim=cache.dim,
        rate_hz=clock.rate_hz,
        centre_ms=clock.centre_ms,
        random_init=features.name.startswith("random:"),
        weights=getattr(features, "weights", ""),
        scores=row_scores(seeds, evaluations, job.pair_facts, options.resamples),
        seeds=tuple(seeds),
        ambiguity=ambiguity_of(
            cache.raw,
            job.shards,
            split,
            job.anchors,
            options.resamples,
            job.out,
            task.features_key,
            options.recognised_phones,
        ),
        cost=measured_cost(
            CostTask(task.name, str(job.shards), split, options.device, options.random_init),
            features.parameters,
            head_parameters(task, cache),
            clock.future_ms,
        ),
        unlike_paper=task.run.unlike_paper if task.run and task.mode == AS_TRAINED else {},
        noise=tuple(scores_with(level, task, job) for level in noise),
        seconds=sum(seconds),
    )


def scores_with(level: NoiseLevel, task: Task, job: RowJob) -> NoiseScores:
    """What is left of a row's scores with one level of noise, from what its seeds left on disk."""
    paths = sorted(job.folder(task).glob(f"{level.name}-seed-*.npz"))
    resamples = job.options.resamples
    measured = ambiguity_of(
        level.cache.raw,
        job.shards,
        job.facts.split,
        job.anchors,
        resamples,
        None,
        "",
        job.options.recognised_phones,
    )
    evaluations = [load_seed(path)[0] for path in paths]
    return noise_scores(level.snr_db, evaluations, measured, job.pair_facts, resamples)


def refuse_other_crops(task: Task, shards: ShardsFacts) -> None:
    """Raise ModelError where a run learned from crops of another preset than the shards have."""
    if task.run and task.run.crop != shards.crop:
        raise ModelError(
            f"{task.name} was trained on crops {task.run.crop!r}, these shards hold {shards.crop!r}; "
            "train it on such crops"
        )


def head_parameters(task: Task, cache: FeatureCache) -> int:
    return 0 if task.mode == AS_TRAINED else parameter_count(ProjectionHead(cache.dim))


def seeds_of(
    task: Task, cache: FeatureCache, noise: Sequence[NoiseLevel], advance: Advance, job: RowJob
) -> Iterator[tuple[SeedResult, Evaluation, float]]:
    """(result, evaluation, seconds) of each seed; those that an earlier run finished are read."""
    folder, n_seeds = job.folder(task), 1 if task.mode == AS_TRAINED else job.options.seeds
    for seed in range(n_seeds):
        path = folder / f"seed-{seed:03d}.npz"
        if not path.exists():
            save_seed(path, *run_seed(task, cache, noise, seed, advance, job))
        else:
            advance(
                f"{task.label}: seed {seed} was there", 0 if task.mode == AS_TRAINED else job.options.steps
            )
        evaluation, steps, loss, seconds = load_seed(path)
        yield seed_result(seed, steps, loss, evaluation, job.pair_facts), evaluation, seconds


def run_seed(
    task: Task, cache: FeatureCache, noise: Sequence[NoiseLevel], seed: int, advance: Advance, job: RowJob
) -> tuple[Evaluation, int, float | None, float]:
    """Train (or load what is trained) and evaluate: (evaluation, steps, loss, seconds).

    Evaluations with noise are left on disk.
    """
    began, device = time.perf_counter(), torch.device(job.options.device)
    embed: Embed
    reads: tuple[str, ...]
    loss: float | None
    if task.mode == AS_TRAINED:
        trained = load_run(task.name, job.options.device)
        embed, reads, steps, loss = embed_as_trained(trained), ("lips", "audio"), trained.step, None
        noisy = {level: hearing_noise(embed, level.snr_db) for level in noise}
    else:
        doing = f"{task.label}: training, seed {seed}"
        pair, loss = fit(job.shards, cache, job.options, seed, device, lambda step: advance(doing, 1))
        embed, reads, steps = embed_with(pair, cache, device), ("lips",), job.options.steps
        noisy = {level: embed_with(pair, level.cache, device) for level in noise}
    doing = f"{task.label}: evaluating, seed {seed}"

    def evaluated(heard: Embed) -> Evaluation:
        after_clip = lambda key: advance(doing, 0)  # noqa: E731
        every = job.options.curve_every
        return evaluate(heard, job.shards, job.facts.split, reads, job.pairs, every, after_clip)

    for level, heard in noisy.items():
        path = job.folder(task) / f"{level.name}-seed-{seed:03d}.npz"
        save_seed(path, evaluated(heard), steps, loss, 0.0)
    evaluation = evaluated(embed)
    return evaluation, steps, loss, time.perf_counter() - began


def save_seed(path: Path, evaluation: Evaluation, steps: int, loss: float | None, seconds: float) -> None:
    facts: dict[str, Any] = {"steps": steps, "loss": np.nan if loss is None else loss, "seconds": seconds}
    with whole_file(path) as file:
        np.savez(
            file, **{field.name: getattr(evaluation, field.name) for field in fields(evaluation)}, **facts
        )


def load_seed(path: Path) -> tuple[Evaluation, int, float | None, float]:
    """Raises SpeechLipError where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as content:
            evaluation = Evaluation(**{field.name: content[field.name] for field in fields(Evaluation)})
            loss = float(content["loss"])
            return (
                evaluation,
                int(content["steps"]),
                None if np.isnan(loss) else loss,
                float(content["seconds"]),
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise SpeechLipError(
            f"{path} cannot be read ({error}); delete it, and run the same command again"
        ) from error
