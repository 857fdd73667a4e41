"""One batch learned by heart before a run begins: what cannot be memorised cannot be learned.

The networks, the loss and the batch are those of the run, the weights are fresh, and nothing of it reaches
the run: random state is put back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from speechlip.checks import check_kind
from speechlip.device import choose_device
from speechlip.errors import SpeechLipError
from speechlip.format import LIP_ROWS_SHOWN
from speechlip.remote.mirror import shards_at
from speechlip.shards.read.shardset import open_shards
from speechlip.training.loop import begin_state, fit_spectrum
from speechlip.training.objectives.objective import Objective, weighted
from speechlip.training.objectives.registry import objective_of
from speechlip.training.options import PAPER, TrainOptions
from speechlip.training.processes.accelerator import on_device, smaller_batch_advised
from speechlip.training.processes.ranks import ALONE
from speechlip.training.run.checkpoint import TrainState
from speechlip.training.step.finite import why_not_finite
from speechlip.training.step.pair_loss import speech_of
from speechlip.training.streams import open_streams

CHECKED_PAIRS, CHECKED_CLIPS, CHECKED_STEPS, CHECKED_LR = 16, 4, 200, 5e-4
"""Larger batches and the paper's learning rate come to the same in more time."""
LEARNED = 0.5
"""Share of the plateau below which a batch counts as learned: guessing stays at 1, and no network gets there
by the batch's labels alone.
"""
STILL = 1.0
"""Grey levels of 256: lips that differ by less from window to window are one picture."""


class DataCheckFailed(SpeechLipError):
    """One batch could not be learned by heart."""


@dataclass(frozen=True)
class Memorised:
    """A batch that was learned: its pairs, the steps it took, the loss of the first and of the last step.

    unit: what a batch of the run is made of, in words.
    """

    pairs: int
    steps: int
    first_loss: float
    last_loss: float
    unit: str = "pairs"

    def __str__(self) -> str:
        return (
            f"one batch of {self.pairs} {self.unit} is learned by heart in {self.steps} steps, loss "
            f"{self.first_loss:.3f} → {self.last_loss:.3f}"
        )


def check_data(
    shards: str | Path | Sequence[str | Path],
    options: TrainOptions = PAPER,
    *,
    cache: str | Path | None = None,
) -> Memorised:
    """Overfit one batch of the train split with the options of a run, in at most 200 steps.

    shards, cache: as ``train`` takes them; of several folders the first one's batch is taken.

    Raises DataCheckFailed where that does not succeed, with what to look at; OptionError and ShardError as
    ``train`` does.
    """
    check_kind("options", options, TrainOptions)
    first = shards if isinstance(shards, str | Path) else shards[0]
    folder, device = shards_at(first, cache), choose_device(options.device)
    cards = [device] if device.type == "cuda" else []
    batch_size = min(options.batch_size, CHECKED_CLIPS if options.learns_from_phones else CHECKED_PAIRS)
    checked = replace(options, batch_size=batch_size, lr=CHECKED_LR, workers=0, weights="")
    with (
        torch.random.fork_rng(cards),
        smaller_batch_advised(checked.batch_size, clip_frames=checked.excerpt_frames),
    ):
        objective = objective_of(checked)
        state = begin_state(objective, checked, device)
        splits = [open_shards(folder, "train")]
        objective.notes(state.pair, state.criterion, splits)
        fit_spectrum(state.pair, splits, checked.seed)
        loader = open_streams(splits, checked, objective, state.pair, ALONE, pin_memory=False)
        batch = next(iter(on_device(loader, device)))
        refuse_degenerate(batch)
        return memorise(objective, state, batch)


def memorise(objective: Objective, state: TrainState, batch: Mapping[str, Any]) -> Memorised:
    """Steps on one batch until its loss is below half the plateau, or half of the first where there is none.

    Raises DataCheckFailed where 200 are not enough.
    """
    learner, size = objective.learner(state.pair, state.criterion), len(batch["keys"])
    enough, losses = 0.0, []
    for step in count(1):
        loss = weighted(learner(batch), objective.weights)
        losses.append(loss.item())
        if not torch.isfinite(loss):
            raise DataCheckFailed(why_not_finite(step, losses[-1], batch))
        enough = LEARNED * (objective.plateau or losses[0])
        if losses[-1] < enough:
            return Memorised(size, step, losses[0], losses[-1], objective.unit)
        if step == CHECKED_STEPS:
            break
        state.optimizer.zero_grad()
        loss.backward()
        state.optimizer.step()
    raise DataCheckFailed(
        f"one batch of {size} {objective.unit} is not learned by heart in {CHECKED_STEPS} steps: the loss "
        f"went from {losses[0]:.3f} to {losses[-1]:.3f}, below {enough:.3f} was wanted. Look at the lip "
        f"crops (are mouths in rows {LIP_ROWS_SHOWN}?) and listen to audio.flac beside them; if both are "
        f"right, {objective.otherwise}"
    )


def refuse_degenerate(batch: Mapping[str, Any]) -> None:
    """Raise DataCheckFailed where the windows of a batch cannot be told apart, whatever the network."""
    lips, speech = batch["lips"].float().flatten(1), speech_of(batch).float().flatten(1)
    if not torch.isfinite(speech).all():
        raise DataCheckFailed(why_not_finite(0, float("nan"), batch))
    if differences(lips) < STILL:
        raise DataCheckFailed(
            f"the lips of all {len(lips)} windows are the same picture, {lips.mean():.0f} of 255 bright on "
            "average; run verify-shards, look at the crops, and prepare the videos again"
        )
    if differences(speech) == 0:
        raise DataCheckFailed(
            f"the speech of all {len(speech)} windows is the same, or silent; listen to audio.flac, and "
            "prepare the videos again"
        )


def differences(rows: Tensor) -> float:
    """Mean absolute difference of the rows (B, N) from the first.

    >>> differences(torch.tensor([[0.0, 0.0], [2.0, 4.0]]))
    3.0
    """
    return (rows[1:] - rows[:1]).abs().mean().item()
