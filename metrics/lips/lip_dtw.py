"""How far the openings of two mouths are from each other once small differences of time are forgiven.

Goal: landmarks of render and reference → mean difference of their openings along the best warping path.
Conventions: landmarks (T, 68, 2) px, NaN without a face. In eye distances, ≥ 0, lower is better. A still
render has a number, too: the mean opening that it lacks.
Source: dynamic time warping of Sakoe & Chiba 1978, band of 2 s, cost |difference|, divided by the length of
the path. Function: lip_dtw.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric
from speechlip.metrics.lips.opening import bridged, lip_opening, stretches
from speechlip.metrics.lips.warping import accumulate, banded, path


def lip_dtw(render: np.ndarray, reference: np.ndarray) -> float:
    """Mean absolute difference along the path, in eye distances: (T, 68, 2) px twice.

    Raises NotScored: ``too short``.

    >>> face = np.zeros((25, 68, 2)); face[:, 45, 0] = 100; face[:, 66, 1] = 10
    >>> wider = face.copy(); wider[:, 66, 1] = 15
    >>> round(lip_dtw(wider, face), 6)
    0.05
    """
    own, real = bridged(lip_opening(render)), bridged(lip_opening(reference))
    cost, steps = 0.0, 0
    for part in stretches(own, real):
        totals = accumulate(banded(own[part], real[part], lambda a, b: np.abs(a - b)))
        cost += totals[-1, totals.shape[1] // 2]
        steps += len(path(totals))
    return float(cost / steps)


METRICS = (
    Metric(
        name="lip_dtw",
        title="lip DTW",
        unit="ratio",
        higher_is_better=False,
        formula="lip-dtw",
        needs=("reference", "landmarks"),
        per=CLIP,
        compute=lip_dtw,
        digits=4,
    ),
)
