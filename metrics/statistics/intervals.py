"""95 % intervals of a number over clips: Student's t for a mean, a bootstrap over clips for anything else.

Goal: how sure a number over clips is. Pairs and windows of one clip are not independent, so clips are
resampled, never pairs.
Conventions: 95 %. A mean over clips has the interval of Student's t, without resampling. Any other number is
the estimate ± t times the deviation over seeded bootstrap resamples, widened by √(C / (C − 1)); a rate, 0 …
1, on the scale of its logit, so that its interval stays there. Fewer than two clips have no interval (NaN).
Several seeds of
training come as rows (S, …): the number is then their mean. Coverage is simulated by
benchmarks/interval_coverage.py and stands in docs/protocols.md.
Sources: Efron and Tibshirani 1993, chapters 12 and 13; Wilson 1927 for a rate of exactly 0 or 1; Hesterberg
2015 for ``percentiles``.
Functions: resample_clips, t_times, student_t, interval, rate_interval, mean_interval, percentiles,
mean_by_clip, known_clips.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

METHOD = "clip-t"
"""Id of how intervals and p come out of clips: a section of docs/protocols.md."""
RESAMPLES = 2000
Statistic = Callable[[np.ndarray], np.ndarray]
"""How often each clip is in each resample, (B, C) int → the number of each resample, (B,)."""


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval.

    value: the estimate
    ci_low, ci_high: ends of the interval; NaN for fewer than two clips
    clips: how many it rests on
    """

    value: float
    ci_low: float
    ci_high: float
    clips: int


def resample_clips(clips: int, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often each clip is in each bootstrap resample (C of C clips, with replacement): (resamples, C) int.

    >>> resample_clips(3, resamples=2).sum(axis=1).tolist()
    [3, 3]
    """
    return np.random.default_rng(seed).multinomial(clips, np.full(clips, 1 / clips), size=resamples)


def t_times(deviation: float, parts: float) -> float:
    """Half of a 95 % interval: Student's t × deviation over the resamples × √(n / (n − 1)).

    parts: n, how many independent parts are resampled (clips, blocks), at least 2.

    >>> round(t_times(1.0, 5), 3), round(t_times(1.0, 1000), 3)  # 2.776 × √(5 / 4), and nearly 1.96
    (3.104, 1.963)
    """
    return student_t(parts) * float(deviation) * math.sqrt(parts / (parts - 1))


def student_t(parts: float) -> float:
    """The 97.5 % point of Student's t for ``parts − 1`` degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(parts - 1, 0.975))


def interval(statistic: Statistic, clips: int, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """A rate, 0 … 1, on all clips and its interval.

    >>> hits = np.array([0.5, 1.0, 0.75])
    >>> rate = interval(lambda counts: counts @ hits / counts.sum(axis=1), clips=3)
    >>> rate.value, round(rate.ci_low, 1), round(rate.ci_high, 1)
    (0.75, 0.1, 1.0)
    """
    value = float(statistic(np.ones((1, clips), int))[0])
    if clips < 2:
        return Interval(value, np.nan, np.nan, clips)
    deviation = float(np.nanstd(statistic(resample_clips(clips, resamples, seed))))
    return Interval(value, *rate_interval(value, t_times(deviation, clips), clips), clips)


def rate_interval(value: float, reach: float, clips: int) -> tuple[float, float]:
    """The ends of a rate's interval, in [0, 1].

    reach: half of the interval in units of the rate, carried over to the scale of log(rate / (1 − rate)). A
    rate of exactly 0 or 1 shows no deviation, which is no certainty: its other end is Wilson's for a share of
    ``clips`` clips that all agree.

    >>> [[round(end, 3) for end in rate_interval(*rate, 40)] for rate in ((0.9, 0.05), (1.0, 0.0))]
    [[0.838, 0.94], [0.907, 1.0]]
    """
    if not 0 < value < 1:
        far = student_t(clips) ** 2 / (clips + student_t(clips) ** 2)
        return (1 - far, 1.0) if value >= 1 else (0.0, far)
    middle, width = math.log(value / (1 - value)), reach / (value * (1 - value))
    low, high = (
        1 / (1 + math.exp(-max(-700.0, min(700.0, end)))) for end in (middle - width, middle + width)
    )
    return low, high


def mean_interval(values: Sequence | np.ndarray, rate: bool = False) -> Interval:
    """Mean of one value per clip with Student's interval: (C,), or (S, C) for S seeds.

    A clip with a missing value (None, NaN) is left out. rate: the values are shares, 0 … 1, and so are the
    ends. Raises ValueError for no value at all.

    >>> mean = mean_interval([1.0, 2.0, 6.0, None])
    >>> mean.value, round(mean.ci_low, 2), round(mean.ci_high, 2), mean.clips  # 3 ± 4.303 × √(7 / 3)
    (3.0, -3.57, 9.57, 3)
    """
    known = known_clips(mean_by_clip(values))
    value, clips = float(known.mean()), len(known)
    if clips < 2:
        return Interval(value, np.nan, np.nan, clips)
    reach = t_times(known.std() / math.sqrt(clips), clips)
    ends = rate_interval(value, reach, clips) if rate else (value - reach, value + reach)
    return Interval(value, *ends, clips)


def percentiles(resampled: np.ndarray, clips: int) -> tuple[float, float]:
    """The 95 % interval of resampled numbers (B,) from their percentiles, NaN left out; at least two clips.

    Farther out than 2.5 and 97.5, so that with few clips it is as wide as Student's t is beside a normal
    bootstrap: Hesterberg 2015, section 5.3.

    >>> [round(end, 1) for clips in (10, 1000) for end in percentiles(np.arange(101.0), clips)]
    [0.9, 99.1, 2.5, 97.5]
    """
    from scipy.special import ndtr

    tail = 100 * float(ndtr(-t_times(1.0, clips)))
    low, high = np.nanpercentile(resampled, [tail, 100 - tail])
    return float(low), float(high)


def mean_by_clip(values: Sequence | np.ndarray) -> np.ndarray:
    """Mean over seeds: (C,) or (S, C) → (C,), NaN where one is missing (None, NaN)."""
    return np.atleast_2d(np.array(values, dtype=np.float64)).mean(axis=0)


def known_clips(values: np.ndarray) -> np.ndarray:
    """Values without NaN. Raises ValueError for none."""
    known = values[~np.isnan(values)]
    if not len(known):
        raise ValueError("at least one clip with a value is wanted, got none")
    return known
