"""Values of many clips → one row of a table: mean, median, interval, and how many are missing.

Goal: a mean that says how sure it is and how many clips it leaves out.
Conventions: one value per clip in the metric's own unit; None and NaN are missing: counted, never taken as
zero. The interval is the 95 % interval of Student's t over clips (``intervals.mean_interval``, as in
score-encoder), cut at the metric's own limits. Function: aggregate.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from speechlip.metrics.statistics.intervals import mean_interval


@dataclass(frozen=True)
class Aggregate:
    """One column of a table over clips.

    mean, median: in the metric's unit; NaN when nothing was scored
    ci_low, ci_high: 95 % interval of the mean; NaN for fewer than two clips
    scored, missing: clips
    """

    mean: float
    median: float
    ci_low: float
    ci_high: float
    scored: int
    missing: int


def aggregate(values: Iterable[float | None], lowest: float = -np.inf, highest: float = np.inf) -> Aggregate:
    """Mean, median and 95 % interval of the mean. lowest, highest: between which the metric lies.

    Raises ValueError for an infinite value, which no metric here returns.

    >>> row = aggregate([1.0, 2.0, 6.0, None, float("nan")], lowest=0)
    >>> row.mean, row.median, row.scored, row.missing, row.ci_low, round(row.ci_high, 2)
    (3.0, 2.0, 3, 2, 0.0, 9.57)
    """
    every = np.array([np.nan if value is None else value for value in values], float)
    if np.isinf(every).any():
        raise ValueError("finite values are wanted (NaN or None for a missing one), got an infinite one")
    known = every[~np.isnan(every)]
    missing = len(every) - len(known)
    if not len(known):
        return Aggregate(np.nan, np.nan, np.nan, np.nan, 0, missing)
    mean = mean_interval(known)
    low, high = (float(np.clip(end, lowest, highest)) for end in (mean.ci_low, mean.ci_high))
    return Aggregate(mean.value, float(np.median(known)), low, high, len(known), missing)
