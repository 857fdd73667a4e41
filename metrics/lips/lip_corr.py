"""How alike the openings of two mouths are, frame by frame.

Goal: landmarks of render and reference → the correlation of their openings over the frames that both have.
Conventions: landmarks (T, 68, 2) px, NaN without a face. In [−1, 1], higher is better; the size of the
movement does not count, its time does.
Source: Pearson's r. Function: lip_correlation.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric
from speechlip.metrics.lips.opening import lip_opening, moving
from speechlip.metrics.lips.slcc import correlation


def lip_correlation(render: np.ndarray, reference: np.ndarray) -> float:
    """Pearson's r of both openings: (T, 68, 2) px twice. Raises NotScored: ``too short``, ``still mouth``."""
    own, real = lip_opening(render), lip_opening(reference)
    moving(own, "render")
    moving(real, "reference")
    return correlation(own, real, "the correlation of lips")


METRICS = (
    Metric(
        name="lip_corr",
        title="lip correlation",
        unit="ratio",
        higher_is_better=True,
        formula="lip-correlation",
        needs=("reference", "landmarks"),
        per=CLIP,
        compute=lip_correlation,
        lowest=-1.0,
        highest=1.0,
    ),
)
