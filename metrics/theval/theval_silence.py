"""THEval's silent lip stability: how far lips stray while nobody speaks.

Goal: mesh and where somebody speaks → median distance of the opening from its mean, in silences.
Conventions: as ``theval.mesh``; speech (T,) bool. In eye distances of the frame scaled to 256 × 256. Neither
way is better: near the real video's is. Source: ``Synchronization/silent_lip_stability.py``. Function:
silent_lip_stability.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric, NotScored, with_real
from speechlip.metrics.lips.silent_lips import silences
from speechlip.metrics.theval.mesh import LOWER, OUTER_EYES, UPPER, in_square


def silent_lip_stability(mesh: np.ndarray, size: np.ndarray, speech: np.ndarray) -> float:
    """Raises NotScored, ``no silence``, where no two frames with a face lie in a silence of 300 ms.

    >>> mesh = np.zeros((8, 478, 2)); mesh[:, 263, 0] = 50; mesh[:, LOWER, 1] = np.arange(8)[:, None]
    >>> round(silent_lip_stability(mesh, np.array([256, 256]), np.zeros(8, bool)), 9)  # 2 of 50 px
    0.04
    """
    silent = mesh[silences(speech)]
    points = in_square(silent[np.isfinite(silent).all(axis=(1, 2))], size)
    if len(points) < 2:
        raise NotScored("no silence", f"{len(points)} frames with a face in silences of 0.3 s, 2 are wanted")
    eyes = np.linalg.norm(points[:, OUTER_EYES[0]] - points[:, OUTER_EYES[1]], axis=1)
    opening = np.abs(points[:, UPPER, 1] - points[:, LOWER, 1]).mean(axis=1) / eyes
    return float(np.median(np.abs(opening - opening.mean())))


METRICS = with_real(
    Metric(
        name="theval_silence",
        title="THEval silent lip stability",
        unit="ratio",
        higher_is_better=None,
        formula="theval-silent-lip-stability",
        needs=("landmarks", "mesh", "size", "speech"),
        per=CLIP,
        compute=silent_lip_stability,
        digits=4,
    )
)
