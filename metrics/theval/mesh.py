"""What THEval's measures take of a mesh, and in which pixels.

Goal: points of a mesh as its code has them, so that formulas read like it.
Conventions: mesh (T, 478, 2) px of the frame, NaN without a face; size (2,), width and height of the frame.
THEval scales frames to 256 × 256 whatever their proportions, and measures there.
Source: Quignon et al., "THEval", CVPR 2026, repository Newbyl/THEval (Apache-2.0), commit 3603338; its meshes
are those of MediaPipe's older FaceMesh, of the same 478 points. Functions: in_square, with_a_face, openings.
"""

import numpy as np

from speechlip.metrics.declared import NotScored

SIDE = 256
UPPER = np.array([191, 80, 81, 82, 13, 312, 311, 310])
LOWER = np.array([95, 88, 178, 87, 14, 317, 402, 318])
"""Points of the inner lips; each of ``UPPER`` has its like in ``LOWER``."""
OUTER_EYES = (33, 263)


def in_square(mesh: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The mesh in px of the frame scaled to 256 × 256, float64.

    >>> in_square(np.full((1, 478, 2), 90.0), np.array([360, 180]))[0, 0].tolist()
    [64.0, 128.0]
    """
    scaled: np.ndarray = mesh.astype(np.float64) * (SIDE / np.asarray(size, np.float64))
    return scaled


def with_a_face(mesh: np.ndarray, least: int = 2) -> np.ndarray:
    """The frames of a mesh that have one. Raises NotScored (``no face``) for fewer than ``least``."""
    seen = mesh[np.isfinite(mesh).all(axis=(1, 2))]
    if len(seen) < least:
        raise NotScored("no face", f"{len(seen)} frames with a face, {least} are wanted")
    return seen
