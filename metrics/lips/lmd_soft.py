"""Soft-DTW LMD: landmark distance of the mouth once small differences of time are forgiven.

Goal: landmarks of render and reference → the soft-DTW divergence of their mouths, per frame.
Conventions: landmarks (T, 68, 2) px, NaN without a face. In eye distances of the reference, 0 for equal
mouths, lower is better.
Source: soft-DTW for talking heads: Zhang et al., "Temporally-Aligned Evaluation for Audio-Driven Talking Head
Generation", 2026; soft-DTW of Cuturi & Blondel, ICML 2017, as the divergence of Blondel, Mensch & Vert,
AISTATS 2021, which is 0 for equal series. The distance of two frames is LMD's. γ, band of 2 s and the
division by the number of frames are ours. Function: soft_dtw_lmd.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric
from speechlip.metrics.lips.opening import bridged, stretches
from speechlip.metrics.lips.warping import accumulate, banded
from speechlip.metrics.lmd import centred_mouth, eye_distance

SOFTNESS = 0.01
"""γ in eye distances: half of what landmarks of good renders differ by."""


def soft_dtw_lmd(render: np.ndarray, reference: np.ndarray) -> float:
    """Soft-DTW divergence by frame in eye distances: (T, 68, 2) px twice. Raises NotScored: ``too short``."""
    eyes = eye_distance(reference)
    own, real = (bridged(centred_mouth(points) / eyes) for points in (render, reference))
    distance, frames = 0.0, 0
    for part in stretches(own, real):
        a, b = own[part], real[part]
        distance += soft_cost(a, b) - (soft_cost(a, a) + soft_cost(b, b)) / 2
        frames += len(a)
    return max(0.0, distance / frames)


def soft_cost(first: np.ndarray, second: np.ndarray) -> float:
    """Soft-DTW of two series of mouths, (T, 20, 2) each."""
    totals = accumulate(banded(first, second, mouths_apart), SOFTNESS)
    return float(totals[-1, totals.shape[1] // 2])


def mouths_apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mean distance of the points, (n, 20, 2) twice → (n,)."""
    return np.linalg.norm(first - second, axis=2).mean(axis=1)


METRICS = (
    Metric(
        name="lmd_soft",
        title="soft-DTW LMD",
        unit="ratio",
        higher_is_better=False,
        formula="lmd-soft-dtw",
        needs=("reference", "landmarks"),
        per=CLIP,
        compute=soft_dtw_lmd,
        digits=4,
    ),
)
