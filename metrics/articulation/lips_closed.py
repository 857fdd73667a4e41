"""Lips that close for /p b m/.

Goal: a clip's landmarks and phones → share of /p b m/ in which the lips close.
Conventions: landmarks (T, 68, 2) px, NaN without a face. In 0 … 1. Higher is better up to the real video's
share: phones and landmarks have errors, and a mouth that never opens has 1.
Source: Edwards et al., "JALI", 2016: "bilabials (m b p) must close the lips". Closed is an opening of at most
0.03 eye distances, which landmarks of closed lips reach. Function: lips_closed.
"""

from collections.abc import Sequence

import numpy as np

from speechlip.metrics.articulation.met import share_met
from speechlip.metrics.declared import CLIP, Metric, with_real
from speechlip.metrics.lips.opening import lip_opening
from speechlip.records import Phone

PHONES = ("P", "B", "M")
CLOSED = 0.03
"""Eye distances."""


def lips_closed(landmarks: np.ndarray, phones: Sequence[Phone]) -> float:
    """Share of /p b m/ with closed lips. Raises NotScored: ``too few phones``."""
    opening = lip_opening(landmarks)
    return share_met(opening <= CLOSED, np.isfinite(opening), phones, PHONES)


METRICS = with_real(
    Metric(
        name="lips_closed",
        title="closed in /p b m/",
        unit="ratio",
        higher_is_better=True,
        formula="lips-closed",
        needs=("landmarks", "phones"),
        per=CLIP,
        compute=lips_closed,
        highest=1.0,
    )
)
