"""Values of many clips → one row of a table: mean, median, interval, and how many are missing.

Goal: a mean that says how sure it is and how many clips it leaves out.
Conventions: one value per clip in the metric's own unit; None and NaN are missing: counted, never taken as zero. The interval is the 95 %
percentile bootstrap of the mean over clips (Efron & Tibshirani 1993), seeded: same values, same interval. Function: aggregate.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Aggregate:
    """mean, median, ci_low, ci_high in the metric's unit, NaN when nothing was scored (the interval also for one clip); scored, missing: clips."""

    mean: float
    median: float
    ci_low: float
    ci_high: float
    scored: int
    missing: int


def aggregate(values: Iterable[float | None], resamples: int = 2000, seed: int = 0) -> Aggregate:
    """Mean, median and seeded 95 % bootstrap interval of the mean.

    Raises ValueError for an infinite value, which no metric here returns.

    >>> row = aggregate([1.0, 2.0, 6.0, None, float("nan")])
    >>> row.mean, row.median, row.scored, row.missing, row.ci_low, row.ci_high
    (3.0, 2.0, 3, 2, 1.0, 6.0)
    """
    every = np.array([np.nan if value is None else value for value in values], float)
    if np.isinf(every).any():
        raise ValueError("finite values are wanted (NaN or None for a missing one), got an infinite one")
    known = every[~np.isnan(every)]
    missing = len(every) - len(known)
    if not len(known):
        return Aggregate(np.nan, np.nan, np.nan, np.nan, 0, missing)
    low, high = _interval(known, resamples, seed)
    return Aggregate(float(known.mean()), float(np.median(known)), low, high, len(known), missing)


def _interval(values: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    if len(values) < 2:
        return float("nan"), float("nan")
    draw = np.random.default_rng(seed)
    means = [values[draw.integers(len(values), size=len(values))].mean() for _ in range(resamples)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
