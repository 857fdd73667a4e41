"""Train the common head and a lip encoder on one encoder's frozen features."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from speechlip.benchmarking.options import BenchmarkOptions
from speechlip.benchmarking.projection.feature_cache import FeatureCache
from speechlip.benchmarking.projection.layer_mix import RATE_TIMES, mix_of
from speechlip.benchmarking.projection.projection_head import HeadedPair, speech_of
from speechlip.errors import SpeechLipError
from speechlip.shards.pairs.loader import pair_loader
from speechlip.shards.pairs.mix import parse_mix
from speechlip.shards.pairs.rules import PairRules
from speechlip.training.step.losses import Criterion
from speechlip.training.streams import epochs

LOSS, MIX = "nce", "positive:1"
"""Every other window of the batch is a negative, as the preset ``fast`` of train-encoder has it."""
LAST_STEPS = 20


class Diverged(SpeechLipError):
    """The loss of a training is no number any more."""


def fit(
    shards: Path,
    cache: FeatureCache,
    options: BenchmarkOptions,
    seed: int,
    device: torch.device,
    lr: float,
    after_step: Callable[[int], None] = lambda step: None,
) -> tuple[HeadedPair, float]:
    """The pair trained at ``lr``, in evaluation mode, and its mean loss over the last 20 steps.

    Raises Diverged where the loss is no number any more, and what ``pair_loader`` raises.
    """
    loader = pair_loader(
        shards, "train", batch_size=options.batch_size, mix=parse_mix(MIX), seed=seed, rank=0, world_size=1
    )
    pair, options = new_pair(cache, seed).to(device), replace(options, lr=lr)
    losses = []
    batches = islice(epochs(loader), options.steps)
    for step, loss in enumerate(steps(pair, batches, cache, options, device), start=1):
        losses.append(loss)
        after_step(step)
    return pair.eval(), sum(losses[-LAST_STEPS:]) / len(losses[-LAST_STEPS:])


def new_pair(cache: FeatureCache, seed: int) -> HeadedPair:
    """Untrained, for the features of ``cache``."""
    return HeadedPair(cache.dim // cache.stack, seed, mix_of(cache))


def steps(
    pair: HeadedPair,
    batches: Iterable[dict[str, Any]],
    cache: FeatureCache,
    options: BenchmarkOptions,
    device: torch.device,
) -> Iterator[float]:
    """One training step a batch; yields its loss."""
    criterion = Criterion(LOSS, PairRules()).to(device)
    mix = [] if pair.mix is None else [*pair.mix.parameters()]
    others = [each for each in pair.parameters() if all(each is not own for own in mix)]
    groups: list[dict[str, Any]] = [{"params": [*others, *criterion.parameters()], "times": 1.0}]
    groups += [{"params": mix, "times": RATE_TIMES}] if mix else []
    optimizer = torch.optim.Adam(groups)
    pair.train()
    for step, batch in enumerate(batches, start=1):
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate(step) * group["times"]
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bf16"):
            lips, speech = pair(batch["lips"].to(device), speech_of(batch, cache).to(device))
        loss = criterion(lips, speech, batch)
        if not torch.isfinite(loss):
            raise Diverged(f"step {step}: the loss is {loss.item()}; lower --lr, or take --precision fp32")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()
