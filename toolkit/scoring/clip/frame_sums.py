"""A metric over the frames of a clip, one after another or several at once, as the metric declares."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from speechlip.metrics.declared import FRAME_PAIR, FRAMES, Metric, NotScored
from speechlip.scoring.clip.outcome import metric_of


class FrameSum:
    """The sum of a metric over the frames that it was shown.

    metric: per frame, per frame pair or per three frames.
    network: what it computes with, where it declares one.
    numbers: one a frame, in the order shown; one a triple for a metric per three frames.
    """

    def __init__(self, metric: Metric, network: Any) -> None:
        self.metric, self.network = metric, network
        self.numbers: list[float] = []
        self._sum = 0.0
        self._before: list[np.ndarray] = []
        self._waiting: list[list[np.ndarray]] = []

    def add(self, render: np.ndarray, reference: np.ndarray | None) -> None:
        """The next frame: (H, W, 3) uint8 RGB of both.

        Raises NotScored for it or for one before that was still waiting, also where a number is not finite.
        """
        images = [render, _of_one_size(render, reference)] if self.metric.per == FRAME_PAIR else [render]
        if self.metric.per == FRAMES:
            self._add_three(render)
            return
        if not self.metric.batches:
            self._add_numbers(lambda *given: [self.metric.compute(*given)], images, 1)
            return
        if self._waiting and self._waiting[0][0].shape != render.shape:
            self._compute_waiting()
        self._waiting.append([np.ascontiguousarray(image) for image in images])  # a cut keeps its whole frame
        height, width = render.shape[:2]
        if (len(self._waiting) + 1) * height * width > self.metric.batches.pixels:
            self._compute_waiting()

    def total(self) -> float:
        """After the last frame. Raises NotScored for those that were still to be computed."""
        self._compute_waiting()
        return self._sum

    def mean(self) -> float:
        """``total`` by the number of numbers. Raises NotScored, also where there is none."""
        total = self.total()
        if not self.numbers:
            raise NotScored("too short", f"{self.metric.name} wants three frames of one size on end")
        return total / len(self.numbers)

    def _add_three(self, image: np.ndarray) -> None:
        """The next frame of a metric per three frames; where the size changes, it begins anew."""
        if self._before and self._before[-1].shape != image.shape:
            self._before = []
        self._before = [*self._before[-2:], np.ascontiguousarray(image)]
        if len(self._before) == 3:
            self._add_numbers(lambda *three: [self.metric.compute(*three)], self._before, 1)

    def _compute_waiting(self) -> None:
        if self._waiting and self.metric.batches:
            images = [list(each) for each in zip(*self._waiting, strict=True)]
            self._waiting = []
            self._add_numbers(self.metric.batches.compute, images, len(images[0]))

    def _add_numbers(self, compute: Callable[..., Any], images: Sequence[Any], frames: int) -> None:
        own = [self.network] if self.metric.network else []
        with metric_of(self.metric.name):
            numbers = [float(number) for number in compute(*own, *images)]
            if len(numbers) != frames:
                raise ValueError(f"{frames} numbers are wanted, one a frame, got {len(numbers)}")
        for number in numbers:
            if not math.isfinite(number):
                raise NotScored("not finite", f"{self.metric.name} of a frame is {number}")
            self._sum += number
            self.numbers.append(number)


def _of_one_size(render: np.ndarray, reference: np.ndarray | None) -> np.ndarray:
    if reference is None:
        raise NotScored("no reference")
    if render.shape != reference.shape:
        across = [f"{image.shape[1]}×{image.shape[0]}" for image in (render, reference)]
        raise NotScored(
            "different sizes",
            f"the picture changes its size: render {across[0]} where the reference is {across[1]}",
        )
    return reference
