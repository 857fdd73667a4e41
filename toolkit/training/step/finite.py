"""Losses that are not finite stop a run, with the step and the pairs to look at.

A GPU is given the next step before the loss of the last one is known, so that it never waits for this
process; its loss is checked one step late. On the CPU it is checked at once.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from speechlip.errors import SpeechLipError
from speechlip.training.step.objective import speech_of


class TrainingStopped(SpeechLipError):
    """A loss is not finite: training cannot go on."""


@dataclass(frozen=True)
class _Pending:
    """A loss on its way from the GPU."""

    step: int
    loss: Tensor
    arrived: "torch.cuda.Event | None"
    batch: Mapping[str, Any]

    def value(self) -> float:
        if self.arrived is not None:
            self.arrived.synchronize()
        return self.loss.item()


class LossQueue:
    """Losses in the order of their steps, each given out once it is known: up to ``late`` steps later."""

    def __init__(self, late: int) -> None:
        self.late = late
        self.pending: deque[_Pending] = deque()

    def add(self, step: int, loss: Tensor, batch: Mapping[str, Any]) -> Iterator[float]:
        """Begin to fetch the loss of a step; yields the losses that are due.

        Raises TrainingStopped for one that is not finite.
        """
        self.pending.append(_Pending(step, *_on_its_way(loss), batch))
        yield from self._known(self.late)

    def rest(self) -> Iterator[float]:
        """The pending losses, waited for: before a row is written or weights are saved."""
        yield from self._known(0)

    def _known(self, left: int) -> Iterator[float]:
        while len(self.pending) > left:
            first = self.pending.popleft()
            value = first.value()
            if not isfinite(value):
                raise TrainingStopped(why_not_finite(first.step, value, first.batch))
            yield value


def _on_its_way(loss: Tensor) -> tuple[Tensor, "torch.cuda.Event | None"]:
    if loss.device.type != "cuda":
        return loss.detach(), None
    host, arrived = loss.detach().to("cpu", non_blocking=True), torch.cuda.Event()
    arrived.record()
    return host, arrived


def why_not_finite(step: int, loss: float, batch: Mapping[str, Any]) -> str:
    """Which pairs to look at: those whose speech holds numbers that are not finite, else all of the batch."""
    broken = ~torch.isfinite(speech_of(batch)).flatten(1).all(dim=1)
    keys = [keys for keys, bad in zip(batch["keys"], broken.tolist(), strict=True) if bad]
    if keys:
        return (
            f"step {step}: the loss is {loss}, because the speech of these pairs is not finite; run "
            f"verify-shards: {_listed(keys)}"
        )
    return (
        f"step {step}: the loss is {loss}; lower --lr, or take fp32. The batch (lips, speech): "
        f"{_listed(batch['keys'])}"
    )


def _listed(keys: list[tuple[str, str]]) -> str:
    return ", ".join(sorted({lips if lips == speech else f"{lips} with {speech}" for lips, speech in keys}))
