"""By how many degrees a head is turned otherwise than the real one.

Goal: landmarks of render and reference → mean difference of yaw, pitch and roll.
Conventions: landmarks (T, 68, 2) px, NaN without a face. Degrees, ≥ 0, lower is better; for renders that
should keep the reference's pose. No E-FID or APD: those are distances of another network's coefficients.
Source: angles of ``describing.head_pose``. Function: pose_error.
"""

import numpy as np

from speechlip.describing.head_pose import head_angles
from speechlip.metrics.declared import CLIP, Metric, NotScored
from speechlip.metrics.lips.opening import SHORTEST


def pose_error(render: np.ndarray, reference: np.ndarray) -> float:
    """Mean absolute difference of yaw, pitch, roll over frames with both faces, degrees: (T, 68, 2) px each.

    Raises NotScored (``too short``) for fewer than 25 such frames.
    """
    both = np.isfinite(render).all(axis=(1, 2)) & np.isfinite(reference).all(axis=(1, 2))
    if both.sum() < SHORTEST:
        raise NotScored("too short", f"{both.sum()} frames with both faces, {SHORTEST} are wanted")
    apart = head_angles(render[both]) - head_angles(reference[both])
    return float(np.abs((apart + 180) % 360 - 180).mean())


METRICS = (
    Metric(
        name="pose_error",
        title="pose error",
        unit="°",
        higher_is_better=False,
        formula="pose-error",
        needs=("reference", "landmarks"),
        per=CLIP,
        compute=pose_error,
        digits=2,
    ),
)
