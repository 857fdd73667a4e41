"""Lips that are rounded for /w uw/.

Goal: a clip's landmarks and phones → share of /w uw/ in which the mouth is narrow.
Conventions: landmarks (T, 68, 2) px, NaN without a face. In 0 … 1. Higher is better up to the real video's
share.
Source: Edwards et al., "JALI", 2016: lips of /w uw/ are rounded. Rounded is a mouth of at most 0.95 of the
width that is usual in the clip, in eye distances, ours. Function: lips_rounded.
"""

from collections.abc import Sequence

import numpy as np

from speechlip.faces.landmarks import MOUTH_CORNERS
from speechlip.metrics.articulation.met import share_met
from speechlip.metrics.declared import CLIP, Metric, NotScored, with_real
from speechlip.metrics.lips.opening import in_eye_distances
from speechlip.records import Phone

PHONES = ("W", "UW")
NARROW = 0.95
"""Of the clip's median width."""


def lips_rounded(landmarks: np.ndarray, phones: Sequence[Phone]) -> float:
    """Share of /w uw/ with a narrow mouth. Raises NotScored: ``no face``, ``too few phones``."""
    width = in_eye_distances(landmarks, *MOUTH_CORNERS)
    known = np.isfinite(width)
    if not known.any():
        raise NotScored("no face", f"none of {len(width)} frames has one")
    return share_met(width <= NARROW * np.median(width[known]), known, phones, PHONES)


METRICS = with_real(
    Metric(
        name="lips_rounded",
        title="rounded in /w uw/",
        unit="ratio",
        higher_is_better=True,
        formula="lips-rounded",
        needs=("landmarks", "phones"),
        per=CLIP,
        compute=lips_rounded,
        highest=1.0,
    )
)
