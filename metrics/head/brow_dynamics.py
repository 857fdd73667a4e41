"""How much brows move.

Goal: a clip's landmarks → mean change of the distance of brow and eye from frame to frame.
Conventions: landmarks (T, 68, 2) px, NaN without a face. In distances of the eyes' middles, ≥ 0. Neither way
is better: near the real video's is.
Source: "eyebrow dynamics" of THEval (Quignon et al. 2025, ``eyebrow_dynamics.py``), on the 68 points.
Function: brow_dynamics.
"""

import numpy as np

from speechlip.describing.blinks import LEFT_EYE, RIGHT_EYE
from speechlip.metrics.declared import CLIP, Metric, with_real
from speechlip.metrics.lips.opening import stretches

BROWS = ((17, 18, 19, 20, 21), (22, 23, 24, 25, 26))


def brow_dynamics(landmarks: np.ndarray) -> float:
    """Mean |change| a frame of both brows' distances, each by that of the eyes: (T, 68, 2) px.

    Raises NotScored: ``too short``.
    """
    eyes = [landmarks[:, list(eye)].mean(axis=1, dtype=np.float64) for eye in (LEFT_EYE, RIGHT_EYE)]
    brows = [landmarks[:, list(brow)].mean(axis=1, dtype=np.float64) for brow in BROWS]
    between = np.linalg.norm(eyes[0] - eyes[1], axis=1)
    raised = np.stack(
        [np.linalg.norm(brow - eye, axis=1) / between for brow, eye in zip(brows, eyes, strict=True)], axis=1
    )
    return float(
        np.mean(np.concatenate([np.abs(np.diff(raised[part], axis=0)) for part in stretches(raised)]))
    )


METRICS = with_real(
    Metric(
        name="brow_dynamics",
        title="brow dynamics",
        unit="ratio",
        higher_is_better=None,
        formula="brow-dynamics",
        needs=("landmarks",),
        per=CLIP,
        compute=brow_dynamics,
        digits=5,
    )
)
