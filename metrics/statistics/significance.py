"""How sure a number over clips is, and whether two encoders differ: Student's t over clips, deviations by bootstrap, paired.

Goal: pairs and windows of one clip are not independent, so clips are drawn, never pairs. A difference is taken on the same clips for both sides, so
that easy and hard clips cancel.
Conventions: 95 %. A mean over clips has the interval of Student's t (no draws). Any other number is the estimate ± t times the deviation of seeded
bootstrap draws, widened by √(C / (C − 1)); a rate, 0 … 1, on the scale of its logit, so that its interval stays there. A difference is a − b; p is
two-sided, from the same t, and never below 2^(1 − C), which is all that a sign in each of C clips can say. Fewer than two clips have no interval,
fewer than ``LEAST_CLIPS`` no p (NaN). Several seeds of training come as rows (S, …): the number is then their mean. Coverage and false positives are
simulated by benchmarks/interval_coverage.py and stand in docs/protocols.md.
Sources: Efron and Tibshirani 1993, chapters 12 and 13; Wilson 1927 for a rate of exactly 0 or 1; Hesterberg 2015 for ``percentiles``.
Functions: clip_draws, interval, difference, auc_interval, auc_difference, resampled_interval, mean_interval, mean_difference, percentiles.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.metrics.statistics.pairs import pair_auc

METHOD = "clip-t"
"""Id of how intervals and p come out of clips: a section of docs/protocols.md."""
RESAMPLES = 2000
LEAST_CLIPS = 10
"""Clips that a p needs. Below, none: the simulated share of false positives at p < 0.05 is 5 to 6 % from here on, and with 5 clips no test of signs
can reach 0.05 at all."""
Statistic = Callable[[np.ndarray], np.ndarray]
"""How often each clip is drawn, (B, C) int → the number of each resample, (B,)."""
ResampledScore = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Similarity (P,), label (P,), how often each pair is drawn (B, P) → the score of each draw, (B,): see ``pairs.resampled_average_precisions``."""
DRAWS_AT_ONCE = 64
"""Draws of pairs held in memory together."""


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval (NaN for fewer than two clips). clips: how many it rests on."""

    value: float
    ci_low: float
    ci_high: float
    clips: int


@dataclass(frozen=True)
class Difference:
    """a − b with its 95 % interval (NaN for fewer than two clips) and two-sided p (NaN for fewer than ``LEAST_CLIPS``). clips: how many both have."""

    value: float
    ci_low: float
    ci_high: float
    p: float
    clips: int


def clip_draws(clips: int, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often each clip is drawn when as many are drawn as there are, with replacement: (resamples, clips) int.

    >>> clip_draws(3, resamples=2).sum(axis=1).tolist()
    [3, 3]
    """
    return np.random.default_rng(seed).multinomial(clips, np.full(clips, 1 / clips), size=resamples)


def t_times(deviation: float, parts: float) -> float:
    """Half of a 95 % interval: Student's t × deviation of the draws × √(n / (n − 1)), of n independent parts (clips, blocks; at least 2).

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
    >>> found = interval(lambda drawn: drawn @ hits / drawn.sum(axis=1), clips=3)
    >>> found.value, round(found.ci_low, 1), round(found.ci_high, 1)
    (0.75, 0.1, 1.0)
    """
    value = float(statistic(np.ones((1, clips), int))[0])
    if clips < 2:
        return Interval(value, np.nan, np.nan, clips)
    deviation = float(np.nanstd(statistic(clip_draws(clips, resamples, seed))))
    return Interval(value, *rate_interval(value, t_times(deviation, clips), clips), clips)


def rate_interval(value: float, reach: float, clips: int) -> tuple[float, float]:
    """The ends of a rate's interval: ``reach``, in units of the rate, is carried over to the scale of log(rate / (1 − rate)).

    A rate of exactly 0 or 1 shows no deviation, which is no certainty: its other end is Wilson's for a share of ``clips`` clips that all agree.

    >>> [round(end, 3) for end in rate_interval(0.9, 0.05, 40)], [round(end, 3) for end in rate_interval(1.0, 0.0, 40)]
    ([0.838, 0.94], [0.907, 1.0])
    """
    if not 0 < value < 1:
        far = student_t(clips) ** 2 / (clips + student_t(clips) ** 2)
        return (1 - far, 1.0) if value >= 1 else (0.0, far)
    middle, width = math.log(value / (1 - value)), reach / (value * (1 - value))
    low, high = (
        1 / (1 + math.exp(-max(-700.0, min(700.0, end)))) for end in (middle - width, middle + width)
    )
    return low, high


def difference(
    a: Statistic, b: Statistic, clips: int, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """a − b on the same draws of clips.

    >>> better, worse = np.array([0.9, 0.5, 0.7]), np.array([0.8, 0.4, 0.6])  # clips differ by 0.4, sides by 0.1
    >>> found = difference(lambda drawn: drawn @ better / 3, lambda drawn: drawn @ worse / 3, clips=3)
    >>> round(found.ci_low, 6), round(found.ci_high, 6), found.p  # 3 clips have no p
    (0.1, 0.1, nan)
    """
    once = np.ones((1, clips), int)
    value = float((a(once) - b(once))[0])
    if clips < 2:
        return Difference(value, np.nan, np.nan, np.nan, clips)
    drawn = clip_draws(clips, resamples, seed)
    return _difference(value, float(np.nanstd(a(drawn) - b(drawn))) * math.sqrt(clips / (clips - 1)), clips)


def _difference(value: float, error: float, clips: int) -> Difference:
    """error: the standard error of ``value``."""
    reach = student_t(clips) * error
    return Difference(value, value - reach, value + reach, two_sided_p(value, error, clips), clips)


def auc_interval(
    similarity: np.ndarray, label: np.ndarray, clip: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Pair AUC with its interval over the clips that the lips come from.

    similarity: (P,), or (S, P) for S seeds. label: (P,), 1 for a match. clip: (P,) names or numbers of the lips' clips.
    Raises ValueError as ``pair_auc``.

    >>> auc_interval(np.array([0.9, 0.1, 0.8, 0.2]), np.array([1, 0, 1, 0]), np.array(["x", "x", "y", "y"]))
    Interval(value=1.0, ci_low=0.01..., ci_high=1.0, clips=2)
    """
    names, place = np.unique(np.asarray(clip), return_inverse=True)
    return interval(_auc(similarity, label, place), len(names), resamples, seed)


def resampled_interval(
    score: ResampledScore,
    similarity: np.ndarray,
    label: np.ndarray,
    clip: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Any rate of pairs with its interval over clips; the other arguments as of ``auc_interval``.

    >>> from speechlip.metrics.statistics.pairs import resampled_average_precisions
    >>> labels, clips = np.array([1, 0, 1, 0]), np.array(["x", "x", "y", "y"])
    >>> resampled_interval(resampled_average_precisions, np.array([0.9, 0.1, 0.8, 0.2]), labels, clips)
    Interval(value=1.0, ci_low=0.01..., ci_high=1.0, clips=2)
    """
    names, place = np.unique(np.asarray(clip), return_inverse=True)
    rows = np.atleast_2d(np.asarray(similarity, np.float64))

    def statistic(drawn: np.ndarray) -> np.ndarray:
        parts = np.array_split(drawn, -(-len(drawn) // DRAWS_AT_ONCE))
        return np.concatenate(
            [np.mean([score(row, label, part[:, place]) for row in rows], axis=0) for part in parts]
        )

    return interval(statistic, len(names), resamples, seed)


def auc_difference(
    similarity_a: np.ndarray,
    similarity_b: np.ndarray,
    label: np.ndarray,
    clip: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Pair AUC of a less that of b on the same pairs; arguments as of ``auc_interval``.

    >>> labels, clips = np.array([1, 0, 1, 0]), np.array(["x", "x", "y", "y"])
    >>> auc_difference(np.array([0.9, 0.1, 0.8, 0.2]), np.array([0.9, 0.1, 0.8, 0.2]), labels, clips).ci_high
    0.0
    """
    names, place = np.unique(np.asarray(clip), return_inverse=True)
    a, b = (_auc(similarity, label, place) for similarity in (similarity_a, similarity_b))
    return difference(a, b, len(names), resamples, seed)


def mean_interval(values: Sequence | np.ndarray, rate: bool = False) -> Interval:
    """Mean of one value per clip with Student's interval; (C,), or (S, C) for S seeds. A clip with a missing value (None, NaN) is left out.

    rate: the values are shares, 0 … 1, and so are the ends.

    >>> found = mean_interval([1.0, 2.0, 6.0, None])
    >>> found.value, round(found.ci_low, 2), round(found.ci_high, 2), found.clips  # 3 ± 4.303 × √(7 / 3)
    (3.0, -3.57, 9.57, 3)
    """
    known = _known(_per_clip(values))
    value, clips = float(known.mean()), len(known)
    if clips < 2:
        return Interval(value, np.nan, np.nan, clips)
    reach = t_times(known.std() / math.sqrt(clips), clips)
    return Interval(
        value, *(rate_interval(value, reach, clips) if rate else (value - reach, value + reach)), clips
    )


def mean_difference(values_a: Sequence | np.ndarray, values_b: Sequence | np.ndarray) -> Difference:
    """Mean of a − b over the clips that have both, by the paired t test; (C,) or (S, C) each, the numbers of seeds may differ.

    >>> round(mean_difference([1.0, 0.0, None], [0.0, 0.0, 1.0]).value, 3)
    0.5
    """
    a, b = _per_clip(values_a), _per_clip(values_b)
    if a.shape != b.shape:
        raise ValueError(f"values of the same clips are wanted, got {len(a)} and {len(b)}")
    known = _known(a - b)
    if len(known) < 2:
        return Difference(float(known.mean()), np.nan, np.nan, np.nan, len(known))
    return _difference(float(known.mean()), float(known.std(ddof=1)) / math.sqrt(len(known)), len(known))


def percentiles(resampled: np.ndarray, clips: int) -> tuple[float, float]:
    """The 95 % interval of resampled numbers from their percentiles, those left out that are NaN; at least two clips.

    Farther out than 2.5 and 97.5, so that with few clips it is as wide as Student's t is beside a normal bootstrap: Hesterberg 2015, section 5.3.

    >>> percentiles(np.arange(101.0), clips=10), [round(end, 1) for end in percentiles(np.arange(101.0), clips=1000)]
    ((0.8..., 99.1...), [2.5, 97.5])
    """
    from scipy.special import ndtr

    tail = 100 * float(ndtr(-t_times(1.0, clips)))
    low, high = np.nanpercentile(resampled, [tail, 100 - tail])
    return float(low), float(high)


def two_sided_p(value: float, error: float, clips: int) -> float:
    """p of a difference with its standard error, over so many clips; NaN below ``LEAST_CLIPS``, never less than 2^(1 − clips).

    >>> round(two_sided_p(2.262, 1.0, 10), 3), two_sided_p(0.0, 0.0, 10), two_sided_p(0.1, 0.0, 10), two_sided_p(0.1, 0.0, 9)
    (0.05, 1.0, 0.001953125, nan)
    """
    from scipy.special import stdtr

    if clips < LEAST_CLIPS:
        return float("nan")
    if not error:
        return 1.0 if not value else 2.0 ** (1 - clips)
    return max(2.0 ** (1 - clips), min(1.0, 2 * float(stdtr(clips - 1, -abs(value) / error))))


def _auc(similarity: np.ndarray, label: np.ndarray, place: np.ndarray) -> Statistic:
    """Mean AUC over the rows of ``similarity``, pairs counted as often as their clip is drawn; NaN for a draw without matches or mismatches."""
    rows, matched = np.atleast_2d(np.asarray(similarity, np.float64)), np.asarray(label) == 1
    for row in rows:
        pair_auc(row, label)  # refuses what has no AUC
    wins = np.mean([_wins(row, matched, place) for row in rows], axis=0)
    matches, mismatches = (np.bincount(place[chosen], minlength=len(wins)) for chosen in (matched, ~matched))

    def statistic(drawn: np.ndarray) -> np.ndarray:
        pairs = (drawn @ matches) * (drawn @ mismatches)
        return np.divide(
            ((drawn @ wins) * drawn).sum(axis=1), pairs, out=np.full(len(drawn), np.nan), where=pairs > 0
        )

    return statistic


def _wins(similarity: np.ndarray, matched: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(C, C): how many matches of one clip are more similar than mismatches of another, all by all; a tie counts half."""
    clips = int(place.max()) + 1
    wins = np.empty((clips, clips))
    for other in range(clips):
        rivals = np.sort(similarity[~matched & (place == other)])
        beaten = sum(np.searchsorted(rivals, similarity[matched], side) for side in ("left", "right")) / 2
        wins[:, other] = np.bincount(place[matched], weights=beaten, minlength=clips)
    return wins


def _per_clip(values: Sequence | np.ndarray) -> np.ndarray:
    """(C,) mean over seeds, NaN where one is missing."""
    return np.atleast_2d(np.array(values, dtype=np.float64)).mean(axis=0)


def _known(values: np.ndarray) -> np.ndarray:
    known = values[~np.isnan(values)]
    if not len(known):
        raise ValueError("at least one clip with a value is wanted, got none")
    return known
