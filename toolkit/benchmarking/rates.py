"""The learning rate of a row: that one of a fixed grid which finds the lips of the validation people best.

Every row has the same grid, nothing of the evaluated split has a say, and what was tried stands in the
record: tables whose rates are tuned for each row in secret do not come out again.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from speechlip.benchmarking.evaluation.evaluate import embed_with, pair_cosines
from speechlip.benchmarking.job import Advance, RowJob
from speechlip.benchmarking.options import MIDDLE, RATES
from speechlip.benchmarking.projection.feature_cache import FeatureCache
from speechlip.benchmarking.projection.fit import Diverged, fit, new_pair
from speechlip.benchmarking.projection.projection_head import HeadedPair
from speechlip.benchmarking.records import AS_TRAINED
from speechlip.benchmarking.row_records import Rate, RateTried, rate_from
from speechlip.benchmarking.tasks import Task
from speechlip.errors import SpeechLipError
from speechlip.files.writing import whole_file, write_text
from speechlip.metrics.statistics.pairs import pair_auc

VALIDATION, GIVEN, NOBODY = "validation", "given", "nobody"
RATE, FITS = "rate.json", "fit-*.safetensors"


@dataclass(frozen=True)
class Fitted:
    """A pair that is trained."""

    pair: HeadedPair
    loss: float
    """At the end."""
    seconds: float
    """Wall clock of its training."""
    validation: float | None = None
    """Pair AUC of the validation people; None where nobody chooses."""


def rate_of(task: Task, cache: FeatureCache, advance: Advance, job: RowJob) -> Rate | None:
    """The row's learning rate, chosen where there is a choice and an earlier run has not; None: no training.

    Pairs that are trained for it stay on disk. Raises SpeechLipError where no rate of the grid can be learned
    with.
    """
    path, options = job.folder(task) / RATE, job.options
    if task.mode == AS_TRAINED:
        return None
    if options.lr is not None or not job.facts.validation:
        return Rate(MIDDLE, NOBODY) if options.lr is None else Rate(options.lr, GIVEN)
    if (rate := kept_rate(path)) is not None:
        advance(f"{task.label}: its rate was there", options.steps * options.seeds * (len(RATES) - 1))
        return rate
    rate = chosen(
        [
            RateTried(
                lr, tuple(validation_of(task, cache, lr, seed, advance, job) for seed in range(options.seeds))
            )
            for lr in RATES
        ]
    )
    write_text(path, json.dumps(asdict(rate)))
    return rate


def kept_rate(path: Path) -> Rate | None:
    """What an earlier run chose; None where there is none, or the file is damaged."""
    try:
        return rate_from(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def chosen(tried: Sequence[RateTried]) -> Rate:
    """The rate with the best mean over seeds; of equals the one nearest to the middle of the grid.

    Raises SpeechLipError where each was too high for some seed.

    >>> chosen([RateTried(0.1, (0.7, 0.9)), RateTried(0.4, (0.8, 0.8)), RateTried(1.6, (0.9, None))]).lr
    0.4
    """
    middle = len(tried) // 2
    means = {
        place: float(np.mean([auc for auc in each.validation if auc is not None]))
        for place, each in enumerate(tried)
        if None not in each.validation
    }
    if not means:
        rates = ", ".join(f"{each.lr:g}" for each in tried)
        raise SpeechLipError(
            f"the loss is no number any more at any learning rate of the grid ({rates}); give a lower --lr, "
            "or take --precision fp32"
        )
    best = max(means, key=lambda place: (means[place], -abs(place - middle)))
    return Rate(tried[best].lr, VALIDATION, tuple(tried), len(tried) > 1 and best in (0, len(tried) - 1))


def validation_of(
    task: Task, cache: FeatureCache, lr: float, seed: int, advance: Advance, job: RowJob
) -> float | None:
    """Pair AUC of the validation people after training at ``lr``; None where the loss was no number."""
    try:
        return fitted(task, cache, lr, seed, advance, job, keep=True).validation
    except Diverged:
        return None


def fitted(
    task: Task, cache: FeatureCache, lr: float, seed: int, advance: Advance, job: RowJob, keep: bool
) -> Fitted:
    """A pair trained at ``lr``; what an earlier call kept is read. Raises what ``fit`` raises.

    keep: with its pair AUC of the validation people, on disk.
    """
    path = job.folder(task) / FITS.replace("*", f"{lr:g}-seed-{seed:03d}")
    if path.exists():
        return load_fit(path, cache, seed, job)
    began, device = time.perf_counter(), torch.device(job.options.device)
    doing = f"{task.label}: training at {lr:g}, seed {seed}"
    pair, loss = fit(job.shards, cache, job.options, seed, device, lr, lambda step: advance(doing, 1))
    seconds = time.perf_counter() - began
    if not keep:
        return Fitted(pair, loss, seconds)
    doing = f"{task.label}: validation at {lr:g}, seed {seed}"
    embed, split = embed_with(pair, cache, device), job.facts.validation
    pairs = job.validation_pairs
    cosines = pair_cosines(embed, job.shards, split, ("lips",), pairs, lambda key: advance(doing, 0))
    auc = pair_auc(cosines, np.array([each.label for each in pairs]))
    whole = Fitted(pair, loss, seconds, float(auc))
    save_fit(path, whole)
    return whole


def save_fit(path: Path, done: Fitted) -> None:
    from safetensors.torch import save

    facts = {name: repr(getattr(done, name)) for name in ("loss", "seconds", "validation")}
    tensors = {name: value.contiguous() for name, value in done.pair.state_dict().items()}
    with whole_file(path) as file:
        file.write(save(tensors, facts))


def load_fit(path: Path, cache: FeatureCache, seed: int, job: RowJob) -> Fitted:
    """Raises SpeechLipError where the file is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            facts = {name: float(value) for name, value in file.metadata().items()}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        pair = new_pair(cache, seed)
        pair.load_state_dict(state)
    except (OSError, ValueError, RuntimeError, AttributeError, SafetensorError) as error:
        raise SpeechLipError(
            f"{path} cannot be read ({error}); delete it, and run the same command again"
        ) from error
    return Fitted(pair.to(torch.device(job.options.device)).eval(), **facts)


def forget_fits(folder: Path) -> None:
    """Delete the weights that were kept for the choice."""
    for path in folder.glob(FITS):
        path.unlink()
