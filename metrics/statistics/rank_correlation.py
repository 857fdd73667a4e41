"""Rank correlations of two numbers over clips, with 95 % intervals: does a metric order clips as people do?

Goal: two values a clip → Spearman's ρ and Kendall's τ-b.
Conventions: values are arrays of one length, finite; ties count for neither side. The intervals are analytic,
on Fisher's scale: NaN under five clips, and where all agree, since nothing is then known of the deviation.
Source: Spearman 1904; Kendall 1945 (τ-b); deviations of Bonett & Wright, Psychometrika 65, 2000:
√((1 + ρ² / 2) / (C − 3)) and √(0.437 / (C − 4)). Functions: spearman, kendall.
"""

import math

import numpy as np

from speechlip.metrics.statistics.intervals import Interval

Z = 1.959964
FEWEST = 5
"""Clips, for an interval."""


def spearman(first: np.ndarray, second: np.ndarray) -> Interval:
    """Spearman's ρ: (C,) twice. NaN for fewer than three clips, or where one side does not vary.

    >>> spearman(np.array([1.0, 2, 3, 4]), np.array([10.0, 30, 20, 40])).value
    0.8
    """
    from scipy.stats import spearmanr

    clips = len(first)
    rho = _statistic(spearmanr, first, second)
    return _with_interval(rho, clips, math.sqrt((1 + rho**2 / 2) / (clips - 3)) if clips > 3 else math.nan)


def kendall(first: np.ndarray, second: np.ndarray) -> Interval:
    """Kendall's τ-b: (C,) twice. NaN as ``spearman``.

    >>> round(kendall(np.array([1.0, 2, 3, 4]), np.array([10.0, 30, 20, 40])).value, 4)
    0.6667
    """
    from scipy.stats import kendalltau

    clips = len(first)
    tau = _statistic(kendalltau, first, second)
    return _with_interval(tau, clips, math.sqrt(0.437 / (clips - 4)) if clips > 4 else math.nan)


def _statistic(correlation, first: np.ndarray, second: np.ndarray) -> float:
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return round(float(correlation(first, second).statistic), 12)


def _with_interval(value: float, clips: int, deviation: float) -> Interval:
    if clips < FEWEST or not abs(value) < 1:
        return Interval(value, math.nan, math.nan, clips)
    middle = math.atanh(value)
    return Interval(value, math.tanh(middle - Z * deviation), math.tanh(middle + Z * deviation), clips)
