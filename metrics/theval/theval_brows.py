"""THEval's eyebrow dynamics: how much brows move from frame to frame.

Goal: mesh → mean change of the distance of each brow and its eye, by that of the eyes.
Conventions: as ``theval.mesh``; frames without a face are passed over. Neither way is better: near the real
video's is. Source: ``Naturalness/eyebrow_dynamics.py``. Function: brow_dynamics.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric, with_real
from speechlip.metrics.theval.mesh import with_a_face

LEFT_BROW = np.array([276, 282, 283, 285, 293, 295, 296, 300, 334, 336])
RIGHT_BROW = np.array([46, 52, 53, 55, 63, 65, 66, 70, 105, 107])
LEFT_EYE = np.array([249, 263, 362, 373, 374, 380, 381, 382, 384, 385, 386, 387, 388, 390, 398, 466])
RIGHT_EYE = np.array([7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246])


def brow_dynamics(mesh: np.ndarray) -> float:
    """Mean |change| of both brows' distances. Raises NotScored: ``no face``.

    >>> mesh = np.zeros((2, 478, 2)); mesh[:, LEFT_EYE, 0] = 100; mesh[:, LEFT_BROW, 0] = 100
    >>> mesh[1, LEFT_BROW, 1] = -3  # one of two brows, by 3 of 100
    >>> brow_dynamics(mesh)
    0.015
    """
    points = with_a_face(mesh).astype(np.float64)
    brows, eyes = (
        np.stack([points[:, part].mean(axis=1) for part in parts], axis=1)
        for parts in ((LEFT_BROW, RIGHT_BROW), (LEFT_EYE, RIGHT_EYE))
    )
    between = np.linalg.norm(eyes[:, 0] - eyes[:, 1], axis=1)
    raised = np.linalg.norm(brows - eyes, axis=2) / between[:, None]
    return float(np.abs(np.diff(raised, axis=0)).mean())


METRICS = with_real(
    Metric(
        name="theval_brows",
        title="THEval eyebrow dynamics",
        unit="ratio",
        higher_is_better=None,
        formula="theval-eyebrow-dynamics",
        needs=("landmarks", "mesh"),
        per=CLIP,
        compute=brow_dynamics,
        digits=5,
    )
)
