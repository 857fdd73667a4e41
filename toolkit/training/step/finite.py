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
from speechlip.training.step.pair_loss import speech_of


class TrainingStopped(SpeechLipError):
    """A loss is not finite: training cannot go on."""


@dataclass(frozen=True)
class _Pending:
    """A loss on its way from the GPU."""

    step: int
    names: tuple[str, ...]
    losses: Tensor
    arrived: "torch.cuda.Event | None"
    batch: Mapping[str, Any]

    def values(self) -> dict[str, float]:
        if self.arrived is not None:
            self.arrived.synchronize()
        return dict(zip(self.names, self.losses.tolist(), strict=True))


class LossQueue:
    """Losses in the order of their steps, each given out once it is known: up to ``late`` steps later."""

    def __init__(self, late: int) -> None:
        self.late = late
        self.pending: deque[_Pending] = deque()

    def add(
        self, step: int, losses: Mapping[str, Tensor], batch: Mapping[str, Any]
    ) -> Iterator[dict[str, float]]:
        """Begin to fetch ``loss`` and terms of a step; yields those that are due.

        Raises TrainingStopped where one is not finite.
        """
        values = torch.stack([value.detach() for value in losses.values()])
        self.pending.append(_Pending(step, tuple(losses), *_on_its_way(values), batch))
        yield from self._known(self.late)

    def rest(self) -> Iterator[dict[str, float]]:
        """The pending losses, waited for: before a row is written or weights are saved."""
        yield from self._known(0)

    def _known(self, left: int) -> Iterator[dict[str, float]]:
        while len(self.pending) > left:
            first = self.pending.popleft()
            values = first.values()
            if not all(map(isfinite, values.values())):
                raise TrainingStopped(why_not_finite(first.step, values["loss"], first.batch))
            yield values


def _on_its_way(losses: Tensor) -> tuple[Tensor, "torch.cuda.Event | None"]:
    if losses.device.type != "cuda":
        return losses, None
    host, arrived = losses.to("cpu", non_blocking=True), torch.cuda.Event()
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
