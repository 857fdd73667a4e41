"""How much the shape of a mouth varies.

Goal: a clip's landmarks → mean variance of the distances between lip points.
Conventions: landmarks (T, 68, 2) px, NaN without a face. In squared eye distances, ≥ 0. Neither way is
better: near the real video's is; less is a mumble, more a grimace.
Source: "lip dynamics" of THEval (Quignon et al. 2025, ``lip_dynamics.py``), which takes 40 points of
MediaPipe's mesh and the first 500 frames; here the 20 mouth points and all frames. Function: lip_dynamics.
"""

import numpy as np

from speechlip.faces.landmarks import MOUTH
from speechlip.metrics.declared import CLIP, Metric, NotScored, with_real
from speechlip.metrics.lips.opening import SHORTEST
from speechlip.metrics.lmd import EYE_CORNERS


def lip_dynamics(landmarks: np.ndarray) -> float:
    """Variance over frames of each distance between two of the 20 mouth points, and their mean.

    landmarks: (T, 68, 2) px. Distances are in eye distances of their frame. Raises NotScored: ``too short``.
    """
    points = landmarks[np.isfinite(landmarks).all(axis=(1, 2))].astype(np.float64)
    if len(points) < SHORTEST:
        raise NotScored(
            "too short", f"lip dynamics want {SHORTEST} frames with a face, {len(points)} have one"
        )
    eyes = np.linalg.norm(points[:, EYE_CORNERS[0]] - points[:, EYE_CORNERS[1]], axis=1)
    mouth = points[:, MOUTH] / eyes[:, None, None]
    first, second = np.triu_indices(mouth.shape[1], k=1)
    apart = np.linalg.norm(mouth[:, first] - mouth[:, second], axis=2)
    return float(apart.var(axis=0).mean())


METRICS = with_real(
    Metric(
        name="lip_dynamics",
        title="lip dynamics",
        unit="ratio",
        higher_is_better=None,
        formula="lip-dynamics",
        needs=("landmarks",),
        per=CLIP,
        compute=lip_dynamics,
        digits=5,
    )
)
