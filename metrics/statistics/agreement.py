"""Do raters agree? Krippendorff's α of opinions on one scale.

Goal: opinions by rater and item → how much less raters differ on an item than opinions differ at all.
Conventions: (R, I) numbers, NaN where a rater did not rate an item. 1: all agree; 0: as by chance; below 0:
they contradict each other. NaN where no item has two opinions, or all opinions are equal.
Source: Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, interval data: squared differences.
Function: krippendorff_alpha.
"""

import math

import numpy as np


def krippendorff_alpha(opinions: np.ndarray) -> float:
    """α = 1 − observed / expected disagreement: (R, I), NaN for none.

    >>> round(krippendorff_alpha(np.array([[1.0, 2, 3, np.nan], [1, 2, 4, 3]])), 4)
    0.878
    """
    items = [item[np.isfinite(item)] for item in opinions.T]
    paired = [item for item in items if len(item) > 1]
    if not paired:
        return math.nan
    every = np.concatenate(paired)
    observed = sum(2 * len(item) * item.var() * len(item) / (len(item) - 1) for item in paired)
    expected = 2 * len(every) * every.var() * len(every) / (len(every) - 1)
    return float(1 - observed / expected) if expected else math.nan
