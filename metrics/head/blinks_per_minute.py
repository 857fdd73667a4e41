"""How often somebody blinks.

Goal: a clip's landmarks → blinks a minute.
Conventions: landmarks (T, 68, 2) px, NaN without a face. Neither way is better: near the real video's is;
people blink some 10 to 20 times a minute. A clip of a few seconds holds one blink or none: read means.
Source: blinks of ``describing.blinks``. Function: blinks_per_minute.
"""

import numpy as np

from speechlip.describing.blinks import count_blinks, eye_opening
from speechlip.metrics.declared import CLIP, Metric, with_real
from speechlip.metrics.lips.opening import bridged, stretches
from speechlip.timing import FPS


def blinks_per_minute(landmarks: np.ndarray) -> float:
    """Blinks a minute over stretches with a face: (T, 68, 2) px. Raises NotScored: ``too short``."""
    opening = bridged(eye_opening(landmarks))
    parts = stretches(opening)
    blinks = sum(count_blinks(opening[part]) for part in parts)
    return 60 * FPS * blinks / sum(part.stop - part.start for part in parts)


METRICS = with_real(
    Metric(
        name="blinks_per_minute",
        title="blinks a minute",
        unit="",
        higher_is_better=None,
        formula="blinks-per-minute",
        needs=("landmarks",),
        per=CLIP,
        compute=blinks_per_minute,
        digits=1,
    )
)
