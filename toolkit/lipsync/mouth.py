"""Four distances of a mouth, as landmarks have them, and how they move.

Conventions: (T, 4) float64, a row for each frame of 40 ms; columns as ``DISTANCES`` names them, in distances
between the eyes' centres, so that they depend on neither the size of the face nor its roll.
"""

import numpy as np

from speechlip.describing.blinks import LEFT_EYE, RIGHT_EYE

DISTANCES = ("gap", "width", "height", "chin")
"""Between the inner lips; corner to corner; upper lip to lower, outside; nose to chin."""
STEADY_FRAMES = 11
"""What moves slower than this, 0.44 s, is posture and expression: of 7 to 17 frames those around 11 find the
offset of real clips most often (docs/sync-without-weights.md)."""
STILL = 1e-4
"""Deviation, in eye distances, under which no mouth moved: landmarks of a real one jitter by more."""


def mouth_distances(landmarks: np.ndarray) -> np.ndarray:
    """(T, 68, 2) px → (T, 4); NaN in frames without landmarks.

    >>> face = np.zeros((1, 68, 2)); face[0, 42:48] = (10, 0); face[0, 65:68, 1] = 2; face[0, 54] = (6, 0)
    >>> face[0, 57] = (0, 4); face[0, 8] = (0, 9)
    >>> mouth_distances(face).tolist()
    [[0.2, 0.6, 0.4, 0.9]]
    """
    points = landmarks.astype(np.float64)
    eyes = [points[:, list(eye)].mean(axis=1) for eye in (LEFT_EYE, RIGHT_EYE)]
    between_eyes = np.maximum(_distance(*eyes), 1e-6)
    gap = np.mean([_distance(points[:, 60 + up], points[:, 68 - up]) for up in (1, 2, 3)], axis=0)
    pairs = ((48, 54), (51, 57), (33, 8))
    return (
        np.stack([gap, *(_distance(points[:, a], points[:, b]) for a, b in pairs)], axis=1)
        / (between_eyes[:, None])
    )


def movement(values: np.ndarray, frames: int = STEADY_FRAMES) -> np.ndarray:
    """Values minus their centred mean over ``frames``, less at the ends: (T, K) → (T, K).

    >>> movement(np.array([[0.0], [0], [3], [0], [0]]), 3).ravel().tolist()
    [0.0, -1.0, 2.0, -1.0, 0.0]
    """
    total = np.cumsum(np.pad(values, ((1, 0), (0, 0))), axis=0)
    places = np.arange(len(values))
    first = np.maximum(places - frames // 2, 0)
    last = np.minimum(places + frames // 2 + 1, len(values))
    return values - (total[last] - total[first]) / (last - first)[:, None]


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=1)
