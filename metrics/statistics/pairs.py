"""Matching pairs told from others by one number each: AUC, equal error rate, average precision.

Goal: similarities of matched and of mismatched pairs of lips and speech → how well one is told from the
other, over all pairs and by kind of negative.
Conventions: similarity (N,), higher means a better match; label (N,), 1 for a match and 0 for none. A tie is
never broken in anyone's favour. AUC in [0, 1], chance 0.5, higher is better; EER in [0, 1], chance 0.5, lower
is better; AP in [0, 1], chance the share of matches, higher is better. Intervals over clips:
``pair_intervals``.
Sources: AUC, Mann and Whitney 1947; EER on the straight lines between the points of the ROC curve, as in
Fawcett 2006 ("An introduction to ROC analysis"); AP, the sum over thresholds of Manning et al. 2008, without
interpolation.
Functions: pair_auc, equal_error_rate, average_precision, resampled_equal_error_rates,
resampled_average_precisions, pair_scores, by_kind.
"""

from dataclasses import dataclass

import numpy as np

ALL = "all"


@dataclass(frozen=True)
class PairScores:
    """Every score of a set of pairs.

    auc, eer, average_precision: in [0, 1], as above
    chance_precision: share of matches, which is what guessing gives
    matches, mismatches: how many pairs
    """

    auc: float
    eer: float
    average_precision: float
    chance_precision: float
    matches: int
    mismatches: int


def pair_auc(similarity: np.ndarray, label: np.ndarray) -> float:
    """How often a match is more similar than a mismatch; constant similarities score 0.5.

    A tie counts half.

    Raises ValueError where one of the two is missing, or a similarity is not finite.

    >>> pair_auc(np.array([0.9, 0.4, 0.4, 0.1]), np.array([1, 1, 0, 0]))  # 3 of 4 in order, one tied: 3.5 / 4
    0.875
    """
    matched = _matched(similarity, label)
    n_matched = int(matched.sum())
    _, place, times = np.unique(similarity, return_inverse=True, return_counts=True)
    # ties share their mean; scipy.stats, which has it too, takes a second to import
    rank = np.cumsum(times) - (times - 1) / 2
    above = rank[place][matched].sum() - n_matched * (n_matched + 1) / 2
    return float(above / (n_matched * (len(matched) - n_matched)))


def equal_error_rate(similarity: np.ndarray, label: np.ndarray) -> float:
    """The error rate at the threshold that rejects as many matches as it accepts mismatches, as shares.

    Between two thresholds the rate is read off the straight line that joins their points; constant
    similarities score 0.5. Raises ValueError as ``pair_auc``.

    >>> similarity = np.array([0.9, 0.8, 0.3, 0.6, 0.2, 0.1])
    >>> equal_error_rate(similarity, np.array([1, 1, 1, 0, 0, 0]))  # accept from 0.6: one of three wrong
    0.333...
    >>> equal_error_rate(np.ones(4), np.array([1, 1, 0, 0]))
    0.5
    """
    return float(resampled_equal_error_rates(similarity, label, np.ones((1, len(label)), int))[0])


def resampled_equal_error_rates(similarity: np.ndarray, label: np.ndarray, times: np.ndarray) -> np.ndarray:
    """``equal_error_rate`` of B resamples of the pairs: (N,), (N,), (B, N) → (B,).

    times: how often each pair counts in each resample. NaN for a resample without matches or mismatches.

    >>> times = np.array([[1, 1, 1], [2, 1, 0], [1, 0, 1]])
    >>> resampled_equal_error_rates(np.array([0.9, 0.4, 0.1]), np.array([1, 0, 1]), times).tolist()
    [0.5, 0.0, nan]
    """
    missed, wrongly = _shares(similarity, label, times)
    after = np.argmax(wrongly >= missed, axis=1)[:, None]  # wrongly - missed rises from -1 to 1
    missed_before, wrongly_before, missed_after, wrongly_after = (
        np.take_along_axis(points, place, axis=1)[:, 0]
        for place in (after - 1, after)
        for points in (missed, wrongly)
    )
    gap_before, gap_after = missed_before - wrongly_before, wrongly_after - missed_after
    return wrongly_before + gap_before / (gap_before + gap_after) * (wrongly_after - wrongly_before)


def average_precision(similarity: np.ndarray, label: np.ndarray) -> float:
    """Precision at each threshold, weighted with the matches that this threshold adds.

    Pairs of one similarity come in together.

    Raises ValueError as ``pair_auc``.

    >>> average_precision(np.array([0.9, 0.4, 0.4, 0.1]), np.array([1, 1, 0, 0]))  # 1/2 × 1 + 1/2 × 2/3
    0.833...
    """
    return float(resampled_average_precisions(similarity, label, np.ones((1, len(label)), int))[0])


def resampled_average_precisions(similarity: np.ndarray, label: np.ndarray, times: np.ndarray) -> np.ndarray:
    """``average_precision`` of B resamples of the pairs.

    Arguments and NaN as of ``resampled_equal_error_rates``.

    >>> times = np.array([[1, 1, 1], [2, 1, 0], [1, 2, 1]])
    >>> resampled_average_precisions(np.array([0.9, 0.4, 0.1]), np.array([1, 0, 1]), times).round(3).tolist()
    [0.833, 1.0, 0.75]
    """
    accepted, wrongly = _accepted(similarity, label, times)
    accepted_all = accepted + wrongly
    precision = np.divide(accepted, accepted_all, out=np.zeros_like(accepted), where=accepted_all > 0)
    gained = (np.diff(accepted, axis=1) * precision[:, 1:]).sum(axis=1)
    both = (accepted[:, -1] > 0) & (wrongly[:, -1] > 0)
    return np.divide(gained, accepted[:, -1], out=np.full(len(gained), np.nan), where=both)


def pair_scores(similarity: np.ndarray, label: np.ndarray) -> PairScores:
    """All three. Raises ValueError as ``pair_auc``.

    >>> pair_scores(np.array([0.9, 0.4, 0.4, 0.1]), np.array([1, 1, 0, 0])).eer
    0.25
    """
    matches = int(_matched(similarity, label).sum())
    return PairScores(
        auc=pair_auc(similarity, label),
        eer=equal_error_rate(similarity, label),
        average_precision=average_precision(similarity, label),
        chance_precision=matches / len(label),
        matches=matches,
        mismatches=len(label) - matches,
    )


def by_kind(similarity: np.ndarray, label: np.ndarray, kind: np.ndarray) -> dict[str, PairScores]:
    """Scores over all pairs (``all``), and for each kind of negative against all matches, kinds by name.

    kind: (N,) names; that of a match is not read. AP of a kind has another chance than AP of all: fewer pairs
    are mismatches. Raises ValueError as ``pair_auc``.

    >>> kind = np.array(["positive", "positive", "shift", "speaker"])
    >>> scores = by_kind(np.array([0.9, 0.4, 0.4, 0.1]), np.array([1, 1, 0, 0]), kind)
    >>> {name: each.auc for name, each in scores.items()}
    {'all': 0.875, 'shift': 0.75, 'speaker': 1.0}
    """
    similarity, label, kind = np.asarray(similarity), np.asarray(label), np.asarray(kind)
    scores = {ALL: pair_scores(similarity, label)}
    for name in np.unique(kind[label != 1]):
        chosen = (label == 1) | (kind == name)
        scores[str(name)] = pair_scores(similarity[chosen], label[chosen])
    return scores


def _matched(similarity: np.ndarray, label: np.ndarray) -> np.ndarray:
    matched = np.asarray(label) == 1
    n_matched, n_other = int(matched.sum()), int((~matched).sum())
    if not (
        n_matched and n_other and np.shape(similarity) == matched.shape and np.isfinite(similarity).all()
    ):
        raise ValueError(
            f"finite similarities of matches and mismatches are wanted, got {n_matched} and {n_other} "
            f"of {np.asarray(similarity)}"
        )
    return matched


def _accepted(similarity: np.ndarray, label: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matches and mismatches at or above each threshold, by resample: twice (B, K + 1) float.

    Thresholds fall; the first is above every similarity.
    """
    matched = _matched(similarity, label)
    order = np.argsort(-np.asarray(similarity, np.float64), kind="stable")
    falling = np.asarray(similarity, np.float64)[order]
    # pairs of one similarity come in together
    last = np.append(np.flatnonzero(np.diff(falling)), len(order) - 1)
    counts = (
        np.cumsum(times[:, order] * chosen[order], axis=1, dtype=np.float64)[:, last]
        for chosen in (matched, ~matched)
    )
    accepted, wrongly = (np.pad(count, ((0, 0), (1, 0))) for count in counts)
    return accepted, wrongly


def _shares(similarity: np.ndarray, label: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the matches that each threshold misses, and of the mismatches that it accepts."""
    accepted, wrongly = _accepted(similarity, label, times)
    matches, mismatches = (
        np.where(counts[:, -1:] > 0, counts[:, -1:], np.nan) for counts in (accepted, wrongly)
    )
    return 1 - accepted / matches + 0 * mismatches, wrongly / mismatches + 0 * matches
