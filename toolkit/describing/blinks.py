"""Blinks, from the eyes' points.

Goal: how often somebody blinks; a face that never does is often a render, or a still image.

Conventions: the opening of an eye is the eye aspect ratio, height by width; a blink is a dip of the mean of
both eyes below 0.6 of what is usual around it, for at most half a second.

Source: eye aspect ratio of Soukupová and Čech (CVWW 2016). Their threshold is learned, 0.2 is common; a share
of the usual opening suits narrow eyes and a lowered head, too.
"""

import numpy as np

from speechlip.spans import runs

LEFT_EYE, RIGHT_EYE = (36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47)
SHUT_SHARE = 0.6
"""Of the usual opening; below it an eye counts as shut."""
AROUND_FRAMES = 51
"""The usual opening is the median of so many frames: 2 s."""
LONGEST_FRAMES = 12
"""A longer dip is a look down, or sleep."""


def eye_opening(landmarks: np.ndarray) -> np.ndarray:
    """Mean eye aspect ratio of both eyes: (N, 68, 2) px → (N,) float64.

    >>> face = np.zeros((1, 68, 2)); face[0, 36:42] = [(0, 0), (1, -1), (3, -1), (4, 0), (3, 1), (1, 1)]
    >>> face[0, 42:48] = face[0, 36:42]
    >>> eye_opening(face).tolist()
    [0.5]
    """
    return np.mean([_opening(landmarks[:, list(eye)]) for eye in (LEFT_EYE, RIGHT_EYE)], axis=0)


def _opening(eye: np.ndarray) -> np.ndarray:
    """(N, 6, 2) px: outer corner, two points above, inner corner, two below → (N,)."""
    eye = eye.astype(np.float64)
    near = np.linalg.norm(eye[:, 1] - eye[:, 5], axis=1)
    far = np.linalg.norm(eye[:, 2] - eye[:, 4], axis=1)
    width = np.linalg.norm(eye[:, 0] - eye[:, 3], axis=1)
    ratio: np.ndarray = (near + far) / (2 * np.maximum(width, 1e-6))
    return ratio


def count_blinks(opening: np.ndarray) -> int:
    """How many blinks these consecutive frames hold; one that is cut off by an end counts. opening: (N,).

    >>> count_blinks(np.array([0.3] * 20 + [0.1] * 4 + [0.3] * 20))
    1
    """
    from scipy.ndimage import median_filter

    usual = median_filter(opening, size=min(AROUND_FRAMES, len(opening)), mode="reflect")
    return sum(stop - start <= LONGEST_FRAMES for start, stop in runs(opening < SHUT_SHARE * usual))
