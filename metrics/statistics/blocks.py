"""Intervals of a mean over the frames of one video, by a bootstrap over blocks of one second.

Goal: how sure a number is that rests on one video. Neighbouring frames look alike, so that frames are never
resampled one by one: whole seconds are.
Conventions: blocks of 25 frames from the first on, the last one shorter; a frame without a number counts for
nothing. The mean is over frames, so that a block counts by its frames. Intervals and p as in
``differences``, with blocks in place of clips.
Source: Künsch 1989 (block bootstrap). Functions: block_mean, block_difference.
"""

from collections.abc import Mapping

import numpy as np

from speechlip.metrics.statistics.differences import Difference, difference
from speechlip.metrics.statistics.intervals import Interval

BLOCK_FRAMES = 25


def block_mean(values: Mapping[int, float]) -> Interval:
    """The mean over frames with its 95 % interval; ``clips`` counts blocks. Raises ValueError for no value.

    values: number of the frame → its number.

    >>> mean = block_mean({frame: float(frame >= 25) for frame in range(50)})
    >>> mean.value, mean.clips
    (0.5, 2)
    """
    found = block_difference(values, dict.fromkeys(values, 0.0))
    return Interval(found.value, found.ci_low, found.ci_high, found.clips)


def block_difference(a: Mapping[int, float], b: Mapping[int, float]) -> Difference:
    """The mean of a − b over the frames that have both; ``clips`` counts blocks. Raises ValueError for none.

    >>> twice = block_difference({0: 3.0, 1: 5.0, 30: 4.0, 31: 9.0}, {0: 1.0, 1: 3.0, 30: 2.0})
    >>> twice.value, twice.ci_low, twice.clips
    (2.0, 2.0, 2)
    """
    both = sorted(a.keys() & b.keys())
    if not both:
        raise ValueError("at least one frame with both values is wanted, got none")
    blocks = np.array(both) // BLOCK_FRAMES
    numbers = np.unique(blocks, return_inverse=True)[1]
    off = np.bincount(numbers, [a[frame] - b[frame] for frame in both])
    frames = np.bincount(numbers)

    def mean(counts: np.ndarray) -> np.ndarray:
        return np.asarray((counts @ off) / (counts @ frames))

    return difference(mean, lambda counts: np.zeros(len(counts)), len(frames))
