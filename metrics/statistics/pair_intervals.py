"""Scores of pairs over clips: AUC and other rates with intervals, and differences of AUC.

Goal: how sure a score of matched and mismatched pairs is, when pairs of one clip are not independent.
Conventions: similarity (P,), or (S, P) for S seeds of training, whose mean is scored; label (P,), 1 for a
match; clip (P,) names or numbers of the lips' clips, which are resampled whole. Intervals as in
``intervals``, differences as in ``differences``. Functions: auc_interval, auc_difference, resampled_interval.
"""

from collections.abc import Callable

import numpy as np

from speechlip.metrics.statistics.differences import Difference, difference
from speechlip.metrics.statistics.intervals import RESAMPLES, Interval, Statistic, interval
from speechlip.metrics.statistics.pairs import pair_auc

ResampledScore = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Similarity (P,), label (P,), how often each pair counts in each resample (B, P) → scores (B,), such as
``pairs.resampled_average_precisions``."""
RESAMPLES_AT_ONCE = 64
"""Resamples of pairs held in memory together."""


def auc_interval(
    similarity: np.ndarray, label: np.ndarray, clip: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Pair AUC with its interval over the clips that the lips come from.

    Raises ValueError as ``pair_auc``.

    >>> auc_interval(np.array([0.9, 0.1, 0.8, 0.2]), np.array([1, 0, 1, 0]), np.array(["x", "x", "y", "y"]))
    Interval(value=1.0, ci_low=0.01..., ci_high=1.0, clips=2)
    """
    names, place = np.unique(np.asarray(clip), return_inverse=True)
    return interval(_auc(similarity, label, place), len(names), resamples, seed)


def auc_difference(
    similarity_a: np.ndarray,
    similarity_b: np.ndarray,
    label: np.ndarray,
    clip: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Pair AUC of a less that of b on the same pairs. Raises ValueError as ``pair_auc``.

    >>> labels, clips = np.array([1, 0, 1, 0]), np.array(["x", "x", "y", "y"])
    >>> auc_difference(np.array([0.9, 0.1, 0.8, 0.2]), np.array([0.9, 0.1, 0.8, 0.2]), labels, clips).ci_high
    0.0
    """
    names, place = np.unique(np.asarray(clip), return_inverse=True)
    a, b = (_auc(similarity, label, place) for similarity in (similarity_a, similarity_b))
    return difference(a, b, len(names), resamples, seed)


def resampled_interval(
    score: ResampledScore,
    similarity: np.ndarray,
    label: np.ndarray,
    clip: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Any rate of pairs with its interval over clips. Raises ValueError as ``score`` does.

    >>> from speechlip.metrics.statistics.pairs import resampled_average_precisions
    >>> labels, clips = np.array([1, 0, 1, 0]), np.array(["x", "x", "y", "y"])
    >>> resampled_interval(resampled_average_precisions, np.array([0.9, 0.1, 0.8, 0.2]), labels, clips)
    Interval(value=1.0, ci_low=0.01..., ci_high=1.0, clips=2)
    """
    names, place = np.unique(np.asarray(clip), return_inverse=True)
    rows = np.atleast_2d(np.asarray(similarity, np.float64))

    def statistic(counts: np.ndarray) -> np.ndarray:
        parts = np.array_split(counts, -(-len(counts) // RESAMPLES_AT_ONCE))
        return np.concatenate(
            [np.mean([score(row, label, part[:, place]) for row in rows], axis=0) for part in parts]
        )

    return interval(statistic, len(names), resamples, seed)


def _auc(similarity: np.ndarray, label: np.ndarray, place: np.ndarray) -> Statistic:
    """Mean AUC over the rows of ``similarity``, pairs counted as often as their clip.

    NaN for a resample without matches or mismatches.
    """
    rows, matched = np.atleast_2d(np.asarray(similarity, np.float64)), np.asarray(label) == 1
    for row in rows:
        pair_auc(row, label)  # refuses what has no AUC
    wins = np.mean([_wins(row, matched, place) for row in rows], axis=0)
    matches, mismatches = (np.bincount(place[chosen], minlength=len(wins)) for chosen in (matched, ~matched))

    def statistic(counts: np.ndarray) -> np.ndarray:
        pairs = (counts @ matches) * (counts @ mismatches)
        won = ((counts @ wins) * counts).sum(axis=1)
        return np.divide(won, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)

    return statistic


def _wins(similarity: np.ndarray, matched: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(C, C): how many matches of one clip are more similar than mismatches of another; a tie counts half."""
    clips = int(place.max()) + 1
    wins = np.empty((clips, clips))
    for other in range(clips):
        rivals = np.sort(similarity[~matched & (place == other)])
        beaten = sum(np.searchsorted(rivals, similarity[matched], side) for side in ("left", "right")) / 2
        wins[:, other] = np.bincount(place[matched], weights=beaten, minlength=clips)
    return wins
