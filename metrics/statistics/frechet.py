"""Fréchet distance of two normal distributions, and the mean and covariance of rows that pass by.

Conventions: rows (N, D) float64; memory depends on D alone. The distance is squared, as FID has it.
Source: Dowson and Landau 1982; merging of sums by Chan, Golub and LeVeque 1979.
Functions: frechet. Class: RunningNormal.
"""

import numpy as np


class RunningNormal:
    """Mean and covariance of rows that are shown part by part."""

    def __init__(self, dimensions: int) -> None:
        self.n = 0
        self.mean = np.zeros(dimensions)
        self._scatter = np.zeros((dimensions, dimensions))

    def see(self, rows: np.ndarray) -> None:
        """More rows: (M, D), M from 1 on."""
        mean = rows.mean(axis=0, dtype=np.float64)
        centred, apart, total = rows - mean, mean - self.mean, self.n + len(rows)
        self._scatter += centred.T @ centred
        self._scatter += np.outer(apart, apart) * (self.n * len(rows) / total)
        self.mean = self.mean + apart * (len(rows) / total)
        self.n = total

    @property
    def covariance(self) -> np.ndarray:
        """(D, D), by N − 1."""
        return self._scatter / (self.n - 1)


def frechet(mean: np.ndarray, spread: np.ndarray, other_mean: np.ndarray, other_spread: np.ndarray) -> float:
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½) of two means (D,) and covariances (D, D).

    >>> one = np.ones((1, 1))
    >>> frechet(np.array([1.0]), 2 * one, np.array([8.0]), 18 * one)  # 7² + (√18 − √2)²
    57.0
    """
    apart = mean - other_mean
    values, vectors = np.linalg.eigh(spread)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ other_spread @ root), 0, None)).sum()
    return float(max(0.0, apart @ apart + np.trace(spread) + np.trace(other_spread) - 2 * shared))
