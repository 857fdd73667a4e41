"""One row of the table, from an encoder's name to its numbers."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

import torch

from speechlip.benchmarking.evaluation.cost import CostTask, measured_cost
from speechlip.benchmarking.evaluation.noise import NoiseLevel, noise_levels, noise_scores
from speechlip.benchmarking.evaluation.phones import ambiguity_of
from speechlip.benchmarking.evaluation.scores import row_scores
from speechlip.benchmarking.job import Advance, RowJob
from speechlip.benchmarking.projection.feature_cache import FeatureCache, build_cache
from speechlip.benchmarking.projection.layer_mix import mixed_clips
from speechlip.benchmarking.projection.projection_head import ProjectionHead
from speechlip.benchmarking.rates import forget_fits, rate_of
from speechlip.benchmarking.records import AS_TRAINED, FAILED, SCORED, ShardsFacts
from speechlip.benchmarking.row_records import EncoderRow, NoiseScores, mean_mix, row_from
from speechlip.benchmarking.seeds import evaluations_of, load_seed, seeds_of
from speechlip.benchmarking.tasks import Task
from speechlip.encoders.features.catalogue import open_encoder
from speechlip.encoders.networks.layers import parameter_count
from speechlip.errors import ModelError, SourceRefused, SpeechLipError, WriteError
from speechlip.files.writing import write_text
from speechlip.training.processes.accelerator import smaller_batch_advised
from speechlip.workers.unexpected import unexpected_refused

ROW, FEATURES = "row.json", "features"


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


def make_row(task: Task, advance: Advance, *, job: RowJob) -> EncoderRow:
    """Score one encoder. No error of an encoder goes further than this: it becomes a row with its reason.

    Raises WriteError: on a full disk all others would end as this one.
    """
    advance(f"{task.label}: begins", 0)
    try:
        with unexpected_refused("row", SpeechLipError), one_thread(job.options.device):
            row = scored_row(task, advance, job)
        write_text(job.folder(task) / ROW, json.dumps(asdict(row), ensure_ascii=False, allow_nan=False))
    except SourceRefused as refusal:
        row = failed_row(task, f"{refusal.reason}: {refusal.detail}")
    except WriteError:
        raise
    except SpeechLipError as error:
        row = failed_row(task, str(error))
    shutil.rmtree(job.folder(task) / FEATURES, ignore_errors=True)
    forget_fits(job.folder(task))
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
    features = open_encoder(task.name, options.device, options.random_init, mix=True)
    splits = (split,) if task.mode == AS_TRAINED else trained_and_examined(job)
    advance(f"{task.label}: features", 0)
    cache = build_cache(
        folder / FEATURES, features, job.shards, splits, lambda frames: advance(f"{task.label}: features", 0)
    )
    advance(f"{task.label}: features with noise", 0)
    noise = noise_levels(folder / FEATURES / "noise", features, cache, job.shards, split, options.noise_db)
    with smaller_batch_advised(options.batch_size):
        rate = rate_of(task, cache, advance, job)
        runs = list(seeds_of(task, cache, noise, rate, advance, job))
    seeds = tuple(run.result(seed, job) for seed, run in enumerate(runs))
    mix = mean_mix(seeds)
    frames = mixed_clips(cache, mix) if mix else cache.raw
    advance(f"{task.label}: ambiguity, cost", 0)
    clock = features.clock
    return EncoderRow(
        name=task.name,
        label=task.label,
        role=task.role,
        mode=task.mode,
        status=SCORED,
        note=task.note,
        dim=features.dim // cache.stack,
        frame_dim=cache.dim // cache.stack,
        rate_hz=clock.rate_hz,
        centre_ms=clock.centre_ms,
        random_init=features.name.startswith("random:"),
        weights=getattr(features, "weights", ""),
        scores=row_scores(seeds, [run.evaluation for run in runs], job.pair_facts, options.resamples),
        seeds=seeds,
        rate=rate,
        network=task.run.network["encoder"] if task.run else "",
        ambiguity=ambiguity_of(
            frames,
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
        noise=tuple(scores_with(level, mix, task, job) for level in noise),
        seconds=sum(run.seconds for run in runs),
    )


def trained_and_examined(job: RowJob) -> tuple[str, ...]:
    """The splits whose features a trained row needs, the one that it learns from first."""
    chooses = (job.facts.validation,) if job.options.lr is None and job.facts.validation else ()
    return ("train", job.facts.split, *chooses)


def scores_with(level: NoiseLevel, mix: tuple[float, ...], task: Task, job: RowJob) -> NoiseScores:
    """What is left of a row's scores with one level of noise, from what its seeds left on disk."""
    paths = sorted(job.folder(task).glob(f"{level.name}-seed-*.npz"))
    resamples = job.options.resamples
    measured = ambiguity_of(
        mixed_clips(level.cache, mix) if mix else level.cache.raw,
        job.shards,
        job.facts.split,
        job.anchors,
        resamples,
        None,
        "",
        job.options.recognised_phones,
    )
    evaluations = [load_seed(path).evaluation for path in paths]
    return noise_scores(level.snr_db, evaluations, measured, job.pair_facts, resamples)


def refuse_other_crops(task: Task, shards: ShardsFacts) -> None:
    """Raise ModelError where a run learned from crops of another preset than the shards have."""
    if task.run and task.run.crop != shards.crop:
        raise ModelError(
            f"{task.name} was trained on crops {task.run.crop!r}, these shards hold {shards.crop!r}; "
            "train it on such crops"
        )


def head_parameters(task: Task, cache: FeatureCache) -> int:
    if task.mode == AS_TRAINED:
        return 0
    own = parameter_count(ProjectionHead(cache.dim // cache.stack))
    return own + cache.stack if cache.stack > 1 else own
