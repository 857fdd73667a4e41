"""The training loop: it saves every 500 steps, and goes on from there to the same weights."""

import io
import math
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from speechlip.errors import ModelError
from speechlip.files.weights import read_saved
from speechlip.files.writing import make_folder, whole_file
from speechlip.progress import Progress

SAVE_EVERY = 500


class Lesson(Protocol):
    """What a network is to learn.

    title: for the progress bar.
    steps: in all.
    """

    title: str
    steps: int

    @property
    def network(self) -> nn.Module:
        """What is trained."""

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""

    def loss(self, step: int) -> Tensor:
        """The loss of a step; what is sampled depends on nothing but seed and step."""


def learn(lesson: Lesson, file: Path, made_from: str, progress: Progress) -> None:
    """Train the lesson's network to its last step.

    file: where the weights are kept; a file of the same ``made_from`` is gone on from.

    Raises ModelError for a loss that is not finite, WriteError.
    """
    optimizer = torch.optim.Adam(lesson.network.parameters(), lesson.rate(0), fused=True)
    step = restore(file, made_from, lesson.network, optimizer)
    if step < lesson.steps:
        progress.begin(lesson.title, lesson.steps, "steps", step)
    while step < lesson.steps:
        for group in optimizer.param_groups:
            group["lr"] = lesson.rate(step)
        loss = lesson.loss(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        progress.advance()
        if step % SAVE_EVERY == 0 or step == lesson.steps:
            if not math.isfinite(loss.item()):
                raise ModelError(
                    f"{lesson.title}: the loss is {loss.item()} after {step} steps; take --precision fp32, "
                    "or another --seed"
                )
            save(file, made_from, step, lesson.network, optimizer)


def save(file: Path, made_from: str, step: int, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Raises WriteError."""
    content = io.BytesIO()  # torch's own writer would hide what the disk says
    state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({"made_from": made_from, "step": step, **state}, content)
    make_folder(file.parent)
    with whole_file(file) as opened:
        opened.write(content.getbuffer())


def restore(file: Path, made_from: str, network: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Bring network and optimiser to where an earlier run saved them; returns the step, 0 for a new run.

    A file that is damaged, holds code, or is of something else counts as none.
    """
    try:
        state = read_saved(file, "the lips are learned again")
    except ModelError:
        return 0
    if state.get("made_from") != made_from:
        return 0
    try:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ModelError(
            f"{file} holds other weights than it says ({error!r:.200}); remove it, and the lips are learned "
            "again"
        ) from error
