"""THEval's head motion dynamics, with our head pose in place of its network's.

Goal: landmarks → √(mean deviation of the angles · mean variance of their changes + mean variance of the
face's middle).
Conventions: landmarks (T, 68, 2) px of the frame, NaN without a face; degrees, and px of the frame as it is.
Neither way is better: near the real video's is.
Source: ``Naturalness/head_motion_dynamics.py``, whose angles are FaceXFormer's and whose faces are
RetinaFace's; here angles are those of ``describing.head_pose`` and the middle that of the 68 points' box. So
numbers are near theirs, and not theirs. Function: head_motion_dynamics.
"""

import numpy as np

from speechlip.describing.head_pose import head_angles
from speechlip.metrics.declared import CLIP, Metric, with_real
from speechlip.metrics.theval.mesh import with_a_face


def head_motion_dynamics(landmarks: np.ndarray) -> float:
    """Raises NotScored: ``no face``."""
    points = with_a_face(landmarks, 3).astype(np.float64)
    middle = (points.min(axis=1) + points.max(axis=1)) / 2
    return complexity(head_angles(points), middle)


def complexity(angles: np.ndarray, middle: np.ndarray) -> float:
    """Of (T, 3) degrees and (T, 2) px.

    >>> angles = np.array([[0.0, 0, 0], [6, 0, 0], [0, 0, 0]])  # deviation √8, changes 6 and −6: variance 36
    >>> round(complexity(angles, np.zeros((3, 2))) ** 2, 9)  # √8 / 3 · 36 / 3
    11.313708499
    """
    spread = angles.std(axis=0).mean()
    change = np.diff(angles, axis=0).var(axis=0).mean()
    return float(np.sqrt(spread * change + middle.var(axis=0).mean()))


METRICS = with_real(
    Metric(
        name="theval_head",
        title="THEval head motion, our pose",
        unit="ratio",
        higher_is_better=None,
        formula="theval-head-motion",
        needs=("landmarks",),
        per=CLIP,
        compute=head_motion_dynamics,
    )
)
