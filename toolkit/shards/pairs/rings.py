"""Starts of windows closed to rings, so that where a window stands says nothing of its label."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

Starts = range | tuple[int, ...]
"""First frames of windows, rising."""


@dataclass(frozen=True)
class Ring:
    """Starts closed to a ring: speech of a ``shift`` pair stands one of ``steps`` further than its lips,
    around the end.

    Every step maps the starts onto themselves. So each start is that of speech as often as that of lips, and
    as often as in positives: where in its clip a window stands says nothing about the label. Sampled freely,
    speech would stand at the ends of the clip, which alone have many partners.

    starts: first frames of windows.
    steps: distances along the ring.
    """

    starts: Sequence[int]
    steps: Sequence[int]

    def partners(self, start: int) -> list[int]:
        place = self.starts.index(start)
        return sorted(self.starts[(place + step) % len(self.starts)] for step in self.steps)


@lru_cache(4096)
def rings_of(starts: Starts, least: int, most: int | None = None) -> tuple[Ring, ...]:
    """The starts of a clip as rings whose steps all keep two windows ``least`` to ``most`` frames apart; none
    where no shift is possible.

    One ring where ``most`` allows it, else as many as are needed, of equal length, as far as they cover the
    starts; what they do not cover, at both ends, is no start. Where there are fewer starts than two distances
    those in the middle have no partner and are none either.

    >>> [(ring.starts, ring.steps) for ring in rings_of(range(48), 10, 15)]
    [(range(0, 24), range(10, 15)), (range(24, 48), range(10, 15))]
    >>> rings_of((0, 1, 2, 40, 41, 42), 10)
    (Ring(starts=(0, 1, 2, 40, 41, 42), steps=(3,)),)
    """
    n = len(starts)
    if n >= 2 * least:
        longest = n if most is None else min(n, most + least)
        count, covered = math.ceil(n / longest), n
        if count * 2 * least > n:
            count, covered = count - 1, (count - 1) * longest
        first = (n - covered) // 2
        edges = [first + covered * number // count for number in range(count + 1)]
        parts = [starts[low:high] for low, high in pairwise(edges)]
    else:
        parts = [starts]
    rings = (_whole(part, least, most) or _halves(part, least, most) for part in parts)
    return tuple(ring for ring in rings if ring)


def _whole(starts: Starts, least: int, most: int | None) -> Ring | None:
    """A ring of all starts."""
    n = len(starts)
    if isinstance(starts, range):
        return Ring(starts, range(least, n - least + 1)) if n >= 2 * least else None
    at = np.array(starts)
    apart = (np.abs(np.roll(at, -step) - at) for step in range(n))
    fits = [each.min() >= least and (most is None or each.max() <= most) for each in apart]
    steps = tuple(step for step, fit in enumerate(fits) if fit)
    return Ring(starts, steps) if steps else None


def _halves(starts: Starts, least: int, most: int | None) -> Ring | None:
    """A ring of as many first and last starts as can be partners of each other."""
    n = len(starts)
    for half in range(n // 2, 0, -1):
        apart = [last - first for first, last in zip(starts, starts[n - half :], strict=False)]
        if least <= min(apart) and (most is None or max(apart) <= most):
            return Ring((*starts[:half], *starts[n - half :]), (half,))
    return None


@lru_cache(4096)
def spoken_starts(n_frames: int, window: int, spoken: tuple[tuple[int, int], ...], least: float) -> Starts:
    """The starts of the windows of a clip of which the share ``least`` or more is speech.

    spoken: (start, stop) frames in which somebody speaks.

    >>> spoken_starts(30, 5, ((10, 20),), 0.5)
    range(8, 18)
    """
    speaks = np.zeros(n_frames + 1, int)
    for start, stop in spoken:
        speaks[start + 1 : stop + 1] = 1
    until = np.cumsum(speaks)
    enough = until[window:] - until[: n_frames + 1 - window] >= least * window
    starts = np.flatnonzero(enough).tolist()
    if not starts or starts[-1] - starts[0] + 1 == len(starts):
        return range(starts[0], starts[-1] + 1) if starts else range(0)
    return tuple(starts)
