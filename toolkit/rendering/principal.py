"""Principal components of many long rows, from at most 1500 of them."""

from dataclasses import dataclass

import numpy as np

MOST_ROWS = 1500
BLOCK_ROWS = 256
STILL = 1e-6
"""Shares of the largest variance below it are rounding."""


@dataclass(frozen=True)
class Principal:
    """A mean and K directions of N dimensions.

    mean: (D,) float32.
    axes: (K, D) float32, of length 1, largest variance first.
    """

    mean: np.ndarray
    axes: np.ndarray

    def codes(self, rows: np.ndarray) -> np.ndarray:
        """(N, …) of D numbers each → (N, K) float32."""
        flat = rows.reshape(len(rows), -1)
        blocks = [
            (flat[first : first + BLOCK_ROWS].astype(np.float32) - self.mean) @ self.axes.T
            for first in range(0, len(flat), BLOCK_ROWS)
        ]
        return np.concatenate([np.zeros((0, len(self.axes)), np.float32), *blocks])

    def rows(self, codes: np.ndarray) -> np.ndarray:
        """(N, K) → (N, D) float32."""
        return np.asarray(codes @ self.axes + self.mean, np.float32)


def evenly(rows: np.ndarray, most: int = MOST_ROWS) -> np.ndarray:
    """At most ``most`` rows, evenly spaced, with the first and the last.

    >>> evenly(np.arange(9), 3).tolist()
    [0, 4, 8]
    """
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, most).round().astype(int)])


def principal(rows: np.ndarray, components: int) -> Principal:
    """Mean and up to ``components`` axes of (N, …) rows; of more than 1500, evenly spaced ones.

    >>> found = principal(np.array([[1.0, 2.0, 0.0], [3.0, 2.0, 0.0], [5.0, 2.0, 0.0]]), 2)
    >>> found.mean.tolist(), np.abs(found.axes).round(3).tolist()
    ([3.0, 2.0, 0.0], [[1.0, 0.0, 0.0]])
    """
    few = evenly(rows)
    flat = few.reshape(len(few), -1).astype(np.float32)
    mean = flat.mean(axis=0, dtype=np.float64).astype(np.float32)
    flat -= mean
    variances, directions = np.linalg.eigh((flat @ flat.T).astype(np.float64))
    variances, directions = variances[::-1][:components], directions.T[::-1][:components]
    real = variances > STILL * max(float(variances[0]), STILL)
    axes = directions[real].astype(np.float32) @ flat
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    largest = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]
    return Principal(mean, axes * np.sign(largest)[:, None])
