"""THEval's lip dynamics: how much the shape of the lips varies.

Goal: mesh → mean over pairs of lip points of the deviation of their distance over frames.
Conventions: as ``theval.mesh``; px of a frame scaled to 256 × 256, so a larger face has more. Neither way is
better: near the real video's is. Source: ``Naturalness/lip_dynamics.py``. Function: lip_dynamics.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric, with_real
from speechlip.metrics.theval.mesh import in_square, with_a_face

_LIPS = """
0 13 14 17 37 39 40 61 78 80 81 82 84 87 88 91 95 146 178 181 185 191 267 269 270 291 308 310 311 312 314 317
318 321 324 375 402 405 409 415
"""
LIPS = np.array(_LIPS.split(), int)
"""``FACEMESH_LIPS``: 40 points."""


def lip_dynamics(mesh: np.ndarray, size: np.ndarray) -> float:
    """Mean standard deviation of the 780 distances. Raises NotScored: ``no face``.

    >>> mesh = np.zeros((2, 478, 2)); mesh[1, 0, 0] = 4  # 39 of 780 distances are 0, then 4: deviation 2
    >>> lip_dynamics(mesh, np.array([256, 256]))
    0.1
    """
    points = in_square(with_a_face(mesh[:, LIPS]), size)
    deviations = [
        np.linalg.norm(points[:, index + 1 :] - points[:, [index]], axis=2).std(axis=0)
        for index in range(len(LIPS) - 1)
    ]
    return float(np.concatenate(deviations).mean())


METRICS = with_real(
    Metric(
        name="theval_lips",
        title="THEval lip dynamics",
        unit="px",
        higher_is_better=None,
        formula="theval-lip-dynamics",
        needs=("landmarks", "mesh", "size"),
        per=CLIP,
        compute=lip_dynamics,
    )
)
