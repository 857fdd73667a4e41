"""How far the expressions of a render, all together, are from those of the real video.

Goal: blendshapes of render and reference → Fréchet distance of the normal distributions that have their means
and covariances.
Conventions: (T, 52) each, NaN without a face; the frames need not correspond. ≥ 0, lower is better. No E-FID:
that is the distance of a 3-D face model's coefficients.
Source: Dowson and Landau 1982; as in Heusel et al. 2017 the square of the distance.
Function: frechet_distance.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric, NotScored
from speechlip.metrics.statistics.frechet import frechet

LEAST_FRAMES = 100
"""Of either: 4 s. Fewer frames than that hardly fill a covariance of 51 coefficients."""


def blendshape_distance(render: np.ndarray, reference: np.ndarray) -> float:
    """``frechet_distance`` of the frames with a face: (T, 52) each.

    Raises NotScored (``too short``) for fewer than 100 such frames in either.
    """
    sides = [each[np.isfinite(each).all(axis=1)].astype(np.float64) for each in (render, reference)]
    if (fewest := min(map(len, sides))) < LEAST_FRAMES:
        raise NotScored("too short", f"{fewest} frames with a face, {LEAST_FRAMES} are wanted")
    return frechet_distance(*sides)


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½) of the rows of (N, D) and (M, D) float64, at least 2 each.

    >>> one, other = np.array([[0.0], [2.0]]), np.array([[5.0], [11.0]])
    >>> round(frechet_distance(one, other), 9)  # (8 − 1)² + (√18 − √2)² = 49 + 8
    57.0
    """
    spread, other = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (first, second))
    return frechet(first.mean(axis=0), spread, second.mean(axis=0), other)


METRICS = (
    Metric(
        name="blendshape_fd",
        title="blendshape Fréchet distance",
        unit="ratio",
        higher_is_better=False,
        formula="blendshape-frechet",
        needs=("reference", "landmarks", "blendshapes"),
        per=CLIP,
        compute=blendshape_distance,
        digits=4,
    ),
)
