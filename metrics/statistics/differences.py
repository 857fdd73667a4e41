"""Whether two encoders differ: a − b on the same clips, with a 95 % interval and a two-sided p.

Goal: a difference is taken on the same clips for both sides, so that easy and hard clips cancel.
Conventions: a − b; intervals as in ``intervals``; p is two-sided, from the same t, and never below 2^(1 − C),
which is all that a sign in each of C clips can say. Fewer than two clips have no interval, fewer than
``LEAST_CLIPS`` no p (NaN). False positives are simulated by benchmarks/interval_coverage.py and stand in
docs/protocols.md.
Source: Efron and Tibshirani 1993, chapters 12 and 13. Functions: difference, mean_difference, two_sided_p.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.metrics.statistics.intervals import (
    RESAMPLES,
    Statistic,
    known_clips,
    mean_by_clip,
    resample_clips,
    student_t,
)

LEAST_CLIPS = 10
"""Clips that a p needs. From here on the simulated share of false positives at p < 0.05 is 5 to 6 %; with 5
clips no test of signs can reach 0.05 at all."""


@dataclass(frozen=True)
class Difference:
    """a − b with its 95 % interval.

    value: the estimate
    ci_low, ci_high: ends of the interval; NaN for fewer than two clips
    p: two-sided; NaN for fewer than ``LEAST_CLIPS`` clips
    clips: how many both have
    """

    value: float
    ci_low: float
    ci_high: float
    p: float
    clips: int


def difference(
    a: Statistic, b: Statistic, clips: int, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """a − b on the same resamples of clips.

    >>> better, worse = np.array([0.9, 0.5, 0.7]), np.array([0.8, 0.4, 0.6])
    >>> both = difference(lambda counts: counts @ better / 3, lambda counts: counts @ worse / 3, clips=3)
    >>> round(both.ci_low, 6), round(both.ci_high, 6), both.p  # the clips differ by 0.4, the sides by 0.1
    (0.1, 0.1, nan)
    """
    once = np.ones((1, clips), int)
    value = float((a(once) - b(once))[0])
    if clips < 2:
        return Difference(value, np.nan, np.nan, np.nan, clips)
    counts = resample_clips(clips, resamples, seed)
    error = float(np.nanstd(a(counts) - b(counts))) * math.sqrt(clips / (clips - 1))
    return _with_interval(value, error, clips)


def mean_difference(values_a: Sequence | np.ndarray, values_b: Sequence | np.ndarray) -> Difference:
    """Mean of a − b over the clips that have both, by the paired t test: (C,) or (S, C) each.

    The numbers of seeds S may differ. Raises ValueError for other numbers of clips, or none with both.

    >>> round(mean_difference([1.0, 0.0, None], [0.0, 0.0, 1.0]).value, 3)
    0.5
    """
    a, b = mean_by_clip(values_a), mean_by_clip(values_b)
    if a.shape != b.shape:
        raise ValueError(f"values of the same clips are wanted, got {len(a)} and {len(b)}")
    known = known_clips(a - b)
    if len(known) < 2:
        return Difference(float(known.mean()), np.nan, np.nan, np.nan, len(known))
    return _with_interval(float(known.mean()), float(known.std(ddof=1)) / math.sqrt(len(known)), len(known))


def two_sided_p(value: float, error: float, clips: int) -> float:
    """p of a difference with its standard error; NaN below ``LEAST_CLIPS``, never less than 2^(1 − clips).

    >>> round(two_sided_p(2.262, 1.0, 10), 3), two_sided_p(0.0, 0.0, 10)
    (0.05, 1.0)
    >>> two_sided_p(0.1, 0.0, 10), two_sided_p(0.1, 0.0, 9)
    (0.001953125, nan)
    """
    from scipy.special import stdtr

    if clips < LEAST_CLIPS:
        return float("nan")
    if not error:
        return 1.0 if not value else 2.0 ** (1 - clips)
    return max(2.0 ** (1 - clips), min(1.0, 2 * float(stdtr(clips - 1, -abs(value) / error))))


def _with_interval(value: float, error: float, clips: int) -> Difference:
    """error: the standard error of ``value``."""
    reach = student_t(clips) * error
    return Difference(value, value - reach, value + reach, two_sided_p(value, error, clips), clips)
