"""One scale for every encoder: each dimension less its mean, over its deviation.

Both are of the frames that a renderer trains on. Why: an L2-normalised 512-vector has entries of about 0.04,
and a fixed learning rate would punish it for that.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from speechlip.errors import SourceRefused

COMPONENTS = 29  # channels of DeepSpeech's logits, which AD-NeRF's networks are built for
STILL = 1e-6  # deviations and shares of variance below it are rounding


@dataclass(frozen=True)
class Scale:
    """Mean, deviation and principal components of features."""

    mean: np.ndarray
    """(D,) float32."""
    std: np.ndarray
    """(D,) float32; 1 where a dimension never changes, so that it comes out as 0."""
    axes: np.ndarray | None = None
    """(29, D) float32 or None: ``axes @ z`` are the principal components of z-scored features z, each with
    deviation 1; rows that would have none are 0.
    """
    kept: float | None = None
    """The share of the variance that they hold, 0 … 1; None without axes."""

    def z_scored(self, steps: np.ndarray) -> np.ndarray:
        """(…, D) features → (…, D) float32."""
        return ((steps - self.mean) / self.std).astype(np.float32)

    def components(self, z_scored: np.ndarray) -> np.ndarray:
        """(…, D) z-scored features → (…, 29) float32. Raises ValueError without axes."""
        if self.axes is None:
            raise ValueError("a scale that was measured without axes has no components")
        return z_scored @ self.axes.T


def measure(parts: Iterable[np.ndarray], want_axes: bool) -> Scale:
    """The scale of features that come in parts of (n, W, D), read once.

    want_axes: also find principal components. Raises SourceRefused (stage ``features``): too short (fewer
    than two steps in all).

    >>> scale = measure([np.array([[[1.0, 5.0]]]), np.array([[[3.0, 5.0]]])], want_axes=False)
    >>> scale.mean.tolist(), scale.std.tolist()
    ([2.0, 5.0], [1.0, 1.0])
    """
    count, origin, total, squares = 0, np.zeros(1), np.zeros(1), np.zeros(1)
    for part in parts:
        rows = part.reshape(-1, part.shape[-1]).astype(np.float64)
        if not count:
            origin = rows[
                0
            ].copy()  # moments about a point of the cloud: no digits are lost where a mean is far from 0
        rows -= origin
        count += len(rows)
        total = total + rows.sum(axis=0)
        squares = squares + (rows.T @ rows if want_axes else (rows**2).sum(axis=0))
    if count < 2:
        raise SourceRefused(
            "features", "too short", f"{count} features in the frames to train on, at least 2 make a scale"
        )
    offset = total / count
    covariance = squares / count - (np.outer(offset, offset) if want_axes else offset**2)
    variance = np.diag(covariance) if want_axes else covariance
    std = np.sqrt(np.maximum(variance, 0))
    std[std < STILL * np.maximum(1, np.abs(origin + offset))] = 1
    axes, kept = principal_axes(covariance / np.outer(std, std)) if want_axes else (None, None)
    return Scale((origin + offset).astype(np.float32), std.astype(np.float32), axes, kept)


def principal_axes(correlation: np.ndarray) -> tuple[np.ndarray, float]:
    """(D, D) → (29, D) float32 axes, largest first, and the share of variance they hold.

    Each axis is divided by the deviation along it.

    >>> axes, kept = principal_axes(np.diag([4.0, 1.0]))
    >>> axes.shape, axes[:2].round(3).tolist(), float(abs(axes[2:]).max()), kept
    ((29, 2), [[0.5, 0.0], [0.0, 1.0]], 0.0, 1.0)
    """
    variances, directions = np.linalg.eigh(correlation)
    variances, directions = variances[::-1][:COMPONENTS], directions.T[::-1][:COMPONENTS]
    real = variances > STILL * max(float(np.trace(correlation)), STILL)
    axes = np.zeros((COMPONENTS, len(correlation)), np.float32)
    kept = directions[real]
    signs = np.sign(
        kept[np.arange(len(kept)), np.abs(kept).argmax(axis=1)]
    )  # the largest entry is positive: the same axes everywhere
    axes[: len(kept)] = signs[:, None] * kept / np.sqrt(variances[real])[:, None]
    return axes, float(variances[real].sum() / np.trace(correlation)) if len(kept) else 0.0
