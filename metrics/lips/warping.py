"""Dynamic time warping within a band, with a hard or a soft minimum.

Goal: how two series of one length fit when each may run ahead of the other by up to 2 s.
Conventions: series are (T, …) arrays of one length. A banded matrix is (T, 2 B + 1): row i, column b stand
for frame i of the first series and frame j = i + b − B of the second; infinite where there is no such frame.
A path goes from both first frames to both last ones, in steps of one frame in either series or in both.
Source: Sakoe & Chiba, IEEE TASSP 26(1), 1978 (band); Keogh & Pazzani, SDM 2001 (derivatives); Cuturi &
Blondel, ICML 2017 (soft minimum). Functions: banded, accumulate, path.
"""

from collections.abc import Callable

import numpy as np

BAND = 50
"""Frames by which one series may run ahead: 2 s. A longer way is no misalignment of one movement."""


def banded(
    first: np.ndarray, second: np.ndarray, distance: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Distances of the frames of two series as a banded matrix. distance: (n, …) twice → (n,).

    >>> banded(np.zeros(2), np.array([1.0, 2.0]), lambda a, b: abs(a - b)).tolist()
    [[inf, 1.0, 2.0], [1.0, 2.0, inf]]
    """
    frames = len(first)
    band = min(BAND, frames - 1)
    costs = np.full((frames, 2 * band + 1), np.inf)
    for column in range(2 * band + 1):
        ahead = column - band
        rows = slice(max(0, -ahead), frames - max(0, ahead))
        costs[rows, column] = distance(first[rows], second[rows.start + ahead : rows.stop + ahead])
    return costs


def accumulate(costs: np.ndarray, softness: float = 0.0) -> np.ndarray:
    """Cost of the best path up to each cell: (T, 2 B + 1) → the same; the last row's middle is that of all.

    softness: γ of the soft minimum ``−γ log Σ exp(−x / γ)``; 0: the minimum.

    >>> float(accumulate(np.array([[np.inf, 1.0, 2.0], [1.0, 2.0, np.inf]]))[1, 1])
    3.0
    """
    frames, columns = costs.shape
    band = columns // 2
    totals = np.full(costs.shape, np.inf)
    for row in range(frames):
        inside = slice(max(0, band - row), min(columns, band + frames - row))
        if row:
            above = np.append(totals[row - 1, 1:], np.inf)  # a step in the first series alone
            reached = _least(totals[row - 1], above, softness)[inside]
        else:
            reached = np.full(inside.stop - inside.start, np.inf)
            reached[0] = 0.0
        summed = np.cumsum(costs[row, inside])
        before = np.concatenate([[0.0], summed[:-1]])
        totals[row, inside] = summed + _least_so_far(reached - before, softness)
    return totals


def path(totals: np.ndarray) -> np.ndarray:
    """The best path through accumulated costs: (n, 2) int, pairs of frames from the first to the last."""
    frames, columns = totals.shape
    row, column = frames - 1, columns // 2
    pairs = []
    while True:
        pairs.append((row, row + column - columns // 2))
        steps = [
            (totals[row - 1, column] if row else np.inf, row - 1, column),
            (totals[row - 1, column + 1] if row and column + 1 < columns else np.inf, row - 1, column + 1),
            (totals[row, column - 1] if column else np.inf, row, column - 1),
        ]
        best, row, column = min(steps, key=lambda step: step[0])
        if best == np.inf:
            return np.array(pairs[::-1])


def _least(a: np.ndarray, b: np.ndarray, softness: float) -> np.ndarray:
    return -softness * np.logaddexp(-a / softness, -b / softness) if softness else np.minimum(a, b)


def _least_so_far(values: np.ndarray, softness: float) -> np.ndarray:
    if softness:
        return -softness * np.logaddexp.accumulate(-values / softness)
    return np.minimum.accumulate(values)
