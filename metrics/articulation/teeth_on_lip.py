"""Teeth that reach the lip for /f v/.

Goal: a clip's landmarks and phones → share of /f v/ in which the lower lip is at the upper teeth.
Conventions: landmarks (T, 68, 2) px, NaN without a face. In 0 … 1. Higher is better up to the real video's
share. Landmarks do not see teeth: what is measured is that no more than a slit is open.
Source: Edwards et al., "JALI", 2016: "labiodentals (f v) must touch bottom-lip to top-teeth". A slit is an
opening of at most 0.05 eye distances, ours. Function: teeth_on_lip.
"""

from collections.abc import Sequence

import numpy as np

from speechlip.metrics.articulation.met import share_met
from speechlip.metrics.declared import CLIP, Metric, with_real
from speechlip.metrics.lips.opening import lip_opening
from speechlip.records import Phone

PHONES = ("F", "V")
SLIT = 0.05
"""Eye distances."""


def teeth_on_lip(landmarks: np.ndarray, phones: Sequence[Phone]) -> float:
    """Share of /f v/ with a slit at most. Raises NotScored: ``too few phones``."""
    opening = lip_opening(landmarks)
    return share_met(opening <= SLIT, np.isfinite(opening), phones, PHONES)


METRICS = with_real(
    Metric(
        name="teeth_on_lip",
        title="teeth on lip in /f v/",
        unit="ratio",
        higher_is_better=True,
        formula="teeth-on-lip",
        needs=("landmarks", "phones"),
        per=CLIP,
        compute=teeth_on_lip,
        highest=1.0,
    )
)
