"""How sure a number over clips is, and whether two encoders differ: bootstrap over clips, paired.

Goal: pairs and windows of one clip are not independent, so clips are drawn, never pairs. A difference is taken on the same clips for both sides, so
that easy and hard clips cancel.
Conventions: 95 % percentile interval; a difference is a − b; p is two-sided: twice the share of resamples on the far side of 0, both counts one
higher (Davison and Hinkley 1997, 4.4), at most 1. Seeded. Several seeds of training come as rows (S, …): the number is then their mean. Fewer than two
clips have no interval and no p (NaN). Source: Efron and Tibshirani 1993, chapters 13 and 16. With few clips (below about 20) intervals are too narrow.
Functions: clip_draws, interval, difference, auc_interval, auc_difference, drawn_interval, mean_interval, mean_difference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .pairs import pair_auc

RESAMPLES = 2000
Statistic = Callable[[np.ndarray], np.ndarray]
"""How often each clip is drawn, (B, C) int → the number of each resample, (B,)."""
DrawnScore = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Similarity (P,), label (P,), how often each pair is drawn (B, P) → the score of each draw, (B,): see ``pairs.drawn_average_precisions``."""
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
    """a − b with its 95 % interval and two-sided p (NaN for fewer than two clips). clips: how many both have."""

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


def interval(statistic: Statistic, clips: int, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The number on all clips and its bootstrap interval.

    >>> values = np.array([1.0, 2.0, 6.0])
    >>> interval(lambda drawn: drawn @ values / drawn.sum(axis=1), clips=3)
    Interval(value=3.0, ci_low=1.0, ci_high=6.0, clips=3)
    """
    value = float(statistic(np.ones((1, clips), int))[0])
    if clips < 2:
        return Interval(value, np.nan, np.nan, clips)
    low, high = percentiles(statistic(clip_draws(clips, resamples, seed)))
    return Interval(value, low, high, clips)


def difference(a: Statistic, b: Statistic, clips: int, resamples: int = RESAMPLES, seed: int = 0) -> Difference:
    """a − b on the same draws of clips.

    >>> better, worse = np.array([0.9, 0.5, 0.7]), np.array([0.8, 0.4, 0.6])  # clips differ by 0.4, sides by 0.1
    >>> found = difference(lambda drawn: drawn @ better / 3, lambda drawn: drawn @ worse / 3, clips=3)
    >>> round(found.ci_low, 6), round(found.ci_high, 6), round(found.p, 6)  # 2 × 1 / 2001
    (0.1, 0.1, 0.001)
    """
    once = np.ones((1, clips), int)
    value = float((a(once) - b(once))[0])
    if clips < 2:
        return Difference(value, np.nan, np.nan, np.nan, clips)
    drawn = clip_draws(clips, resamples, seed)
    resampled = a(drawn) - b(drawn)
    return Difference(value, *percentiles(resampled), two_sided_p(resampled), clips)


def auc_interval(similarity: np.ndarray, label: np.ndarray, clip: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """Pair AUC with its interval over the clips that the lips come from.

    similarity: (P,), or (S, P) for S seeds. label: (P,), 1 for a match. clip: (P,) names or numbers of the lips' clips.
    Raises ValueError as ``pair_auc``.

    >>> auc_interval(np.array([0.9, 0.1, 0.8, 0.2]), np.array([1, 0, 1, 0]), np.array(["x", "x", "y", "y"]))
    Interval(value=1.0, ci_low=1.0, ci_high=1.0, clips=2)
    """
    names, place = np.unique(np.asarray(clip), return_inverse=True)
    return interval(_auc(similarity, label, place), len(names), resamples, seed)


def drawn_interval(
    score: DrawnScore, similarity: np.ndarray, label: np.ndarray, clip: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Any score of pairs with its interval over clips; the other arguments as of ``auc_interval``.

    >>> from speechlip.metrics.pairs import drawn_average_precisions
    >>> labels, clips = np.array([1, 0, 1, 0]), np.array(["x", "x", "y", "y"])
    >>> drawn_interval(drawn_average_precisions, np.array([0.9, 0.1, 0.8, 0.2]), labels, clips)
    Interval(value=1.0, ci_low=1.0, ci_high=1.0, clips=2)
    """
    names, place = np.unique(np.asarray(clip), return_inverse=True)
    rows = np.atleast_2d(np.asarray(similarity, np.float64))

    def statistic(drawn: np.ndarray) -> np.ndarray:
        parts = np.array_split(drawn, -(-len(drawn) // DRAWS_AT_ONCE))
        return np.concatenate([np.mean([score(row, label, part[:, place]) for row in rows], axis=0) for part in parts])

    return interval(statistic, len(names), resamples, seed)


def auc_difference(
    similarity_a: np.ndarray, similarity_b: np.ndarray, label: np.ndarray, clip: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Pair AUC of a less that of b on the same pairs; arguments as of ``auc_interval``.

    >>> labels, clips = np.array([1, 0, 1, 0]), np.array(["x", "x", "y", "y"])
    >>> auc_difference(np.array([0.9, 0.1, 0.8, 0.2]), np.array([0.9, 0.1, 0.8, 0.2]), labels, clips).p
    1.0
    """
    names, place = np.unique(np.asarray(clip), return_inverse=True)
    a, b = (_auc(similarity, label, place) for similarity in (similarity_a, similarity_b))
    return difference(a, b, len(names), resamples, seed)


def mean_interval(values: Sequence | np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """Mean of one value per clip with its interval; (C,), or (S, C) for S seeds. A clip with a missing value (None, NaN) is left out.

    >>> mean_interval([1.0, 2.0, 6.0, None])
    Interval(value=3.0, ci_low=1.0, ci_high=6.0, clips=3)
    """
    known = _known(_per_clip(values))
    return interval(_mean(known), len(known), resamples, seed)


def mean_difference(
    values_a: Sequence | np.ndarray, values_b: Sequence | np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Mean of a − b over the clips that have both; (C,) or (S, C) each, the numbers of seeds may differ.

    >>> round(mean_difference([1.0, 0.0, None], [0.0, 0.0, 1.0]).value, 3)
    0.5
    """
    a, b = _per_clip(values_a), _per_clip(values_b)
    if a.shape != b.shape:
        raise ValueError(f"values of the same clips are wanted, got {len(a)} and {len(b)}")
    known = _known(a - b)
    return difference(_mean(known), lambda drawn: np.zeros(len(drawn)), len(known), resamples, seed)


def percentiles(resampled: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of resampled numbers, those left out that are NaN.

    >>> percentiles(np.arange(101.0))
    (2.5, 97.5)
    """
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return float(low), float(high)


def two_sided_p(resampled: np.ndarray) -> float:
    """p of resampled differences, those left out that are NaN.

    >>> two_sided_p(np.array([1.0, 2.0, 3.0, -1.0]))  # 2 × (1 + 1) / (4 + 1)
    0.8
    """
    known = resampled[~np.isnan(resampled)]
    beyond = min((known <= 0).sum(), (known >= 0).sum())
    return float(min(1.0, 2 * (1 + beyond) / (1 + len(known))))


def _auc(similarity: np.ndarray, label: np.ndarray, place: np.ndarray) -> Statistic:
    """Mean AUC over the rows of ``similarity``, pairs counted as often as their clip is drawn; NaN for a draw without matches or mismatches."""
    rows, matched = np.atleast_2d(np.asarray(similarity, np.float64)), np.asarray(label) == 1
    for row in rows:
        pair_auc(row, label)  # refuses what has no AUC
    wins = np.mean([_wins(row, matched, place) for row in rows], axis=0)
    matches, mismatches = (np.bincount(place[chosen], minlength=len(wins)) for chosen in (matched, ~matched))

    def statistic(drawn: np.ndarray) -> np.ndarray:
        pairs = (drawn @ matches) * (drawn @ mismatches)
        return np.divide(((drawn @ wins) * drawn).sum(axis=1), pairs, out=np.full(len(drawn), np.nan), where=pairs > 0)

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


def _mean(values: np.ndarray) -> Statistic:
    return lambda drawn: drawn @ values / drawn.sum(axis=1)
