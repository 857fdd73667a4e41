"""How much a head turns.

Goal: a clip's landmarks → deviation of yaw, pitch and roll over time.
Conventions: landmarks (T, 68, 2) px, NaN without a face. Degrees, ≥ 0. Neither way is better: near the real
video's is.
Source: the spread of head poses that Zhang et al., "SadTalker", CVPR 2023, call diversity, in degrees of
``describing.head_pose`` instead of a network's features. Function: head_motion.
"""

import numpy as np

from speechlip.describing.head_pose import head_angles
from speechlip.metrics.declared import CLIP, Metric, NotScored, with_real
from speechlip.metrics.lips.opening import SHORTEST


def head_motion(landmarks: np.ndarray) -> float:
    """Mean of the standard deviations of yaw, pitch and roll, degrees: (T, 68, 2) px.

    Raises NotScored (``too short``) for fewer than 25 frames with a face.
    """
    seen = landmarks[np.isfinite(landmarks).all(axis=(1, 2))]
    if len(seen) < SHORTEST:
        raise NotScored("too short", f"{len(seen)} frames with a face, {SHORTEST} are wanted")
    angles = np.radians(head_angles(seen))
    usual = np.arctan2(np.sin(angles).mean(axis=0), np.cos(angles).mean(axis=0))
    away = np.angle(np.exp(1j * (angles - usual)))  # a head that is upside down turns through ±180°
    return float(np.degrees(away.std(axis=0)).mean())


METRICS = with_real(
    Metric(
        name="head_motion",
        title="head motion",
        unit="°",
        higher_is_better=None,
        formula="head-motion",
        needs=("landmarks",),
        per=CLIP,
        compute=head_motion,
        digits=2,
    )
)
