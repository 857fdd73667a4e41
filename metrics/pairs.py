"""Matching and other pairs told apart by one number each: the pair AUC.

Goal: similarities of matched and of mismatched pairs of lips and speech → how well one is told from the other.
Conventions: similarity (N,), higher means a better match; label (N,), 1 for a match and 0 for none. AUC in [0, 1], 0.5 is chance, higher is
better. Source: Mann and Whitney 1947. Functions: pair_auc.
"""

import numpy as np


def pair_auc(similarity: np.ndarray, label: np.ndarray) -> float:
    """How often a match is more similar than a mismatch; a tie counts half, so that constant similarities score 0.5.

    Raises ValueError where one of the two is missing, or a similarity is not finite.

    >>> pair_auc(np.array([0.9, 0.4, 0.4, 0.1]), np.array([1, 1, 0, 0]))  # three pairs of pairs in order, one tied
    0.875
    """
    from scipy.stats import rankdata

    matched = np.asarray(label) == 1
    n_matched, n_other = int(matched.sum()), int((~matched).sum())
    if not (n_matched and n_other and np.isfinite(similarity).all()):
        raise ValueError(
            f"finite similarities of matches and mismatches are wanted, got {n_matched} and {n_other} of {np.asarray(similarity)}"
        )
    above = rankdata(similarity)[matched].sum() - n_matched * (n_matched + 1) / 2
    return float(above / (n_matched * n_other))
