"""How far a mouth is open, frame by frame, and the stretches of frames in which that is known.

Goal: one series that all metrics of lip motion read.
Conventions: landmarks are (T, 68, 2) px, NaN in a frame without a face. The opening is the distance of the
inner lips' middle points by that of the outer eye corners, so it does not depend on the frame's size: some
0.00 to 0.02 for closed lips, 0.3 for a wide open mouth. Gaps of up to 12 frames are bridged by straight
lines, longer ones divide a clip into stretches.
Functions: lip_opening, in_eye_distances, bridged, stretches, moving.
"""

from itertools import pairwise

import numpy as np

from speechlip.metrics.declared import NotScored
from speechlip.metrics.lmd import EYE_CORNERS

UPPER, LOWER = 62, 66
LONGEST_GAP = 12
"""Frames; as in ``faces.tracking.tracks.TrackOptions.max_gap_frames``."""
SHORTEST = 25
"""Frames of a stretch, at least: 1 s."""
STILL = 0.002
"""Standard deviation of an opening below which a mouth does not move: what landmarks of a still image do."""


def lip_opening(landmarks: np.ndarray) -> np.ndarray:
    """Inner-lip gap in eye distances of the same frame: (T, 68, 2) px → (T,) float64, NaN without a face.

    >>> face = np.zeros((1, 68, 2)); face[0, 45] = [60, 80]; face[0, 66] = [0, 20]
    >>> lip_opening(face).tolist()
    [0.2]
    """
    return in_eye_distances(landmarks, UPPER, LOWER)


def in_eye_distances(landmarks: np.ndarray, first: int, second: int) -> np.ndarray:
    """Distance of two points by that of the outer eye corners: (T, 68, 2) px → (T,), NaN without a face."""
    points = landmarks.astype(np.float64)
    apart, eyes = (
        np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in ((first, second), EYE_CORNERS)
    )
    return np.divide(apart, eyes, out=np.full(len(points), np.nan), where=eyes > 0)


def bridged(series: np.ndarray) -> np.ndarray:
    """The series (T, …) with gaps of up to 12 frames filled by straight lines; those at its ends stay.

    >>> bridged(np.array([np.nan, 1, np.nan, 3])).tolist()
    [nan, 1.0, 2.0, 3.0]
    """
    known = np.flatnonzero(np.isfinite(series.reshape(len(series), -1)).all(axis=1))
    filled = np.full(series.shape, np.nan)
    filled[known] = series[known]
    for before, after in pairwise(known):
        if 1 < after - before <= LONGEST_GAP + 1:
            share = np.arange(1, after - before) / (after - before)
            share = share.reshape(-1, *[1] * (series.ndim - 1))
            filled[before + 1 : after] = series[before] * (1 - share) + series[after] * share
    return filled


def stretches(*series: np.ndarray) -> list[slice]:
    """Runs of at least 25 frames in which every series, (T, …) and bridged, is known.

    Raises NotScored (``too short``) where there is none.
    """
    known = np.ones(len(series[0]), bool)
    for each in series:
        known &= np.isfinite(each.reshape(len(each), -1)).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    long = [slice(start, stop) for start, stop in runs if stop - start >= SHORTEST]
    if not long:
        raise NotScored(
            "too short",
            f"a face for {SHORTEST} frames on end is wanted, and {len(known)} hold none",
        )
    return long


def moving(opening: np.ndarray, whose: str) -> None:
    """Raise NotScored (``still mouth``) where an opening, NaN left out, does not vary."""
    known = opening[np.isfinite(opening)]
    spread = float(known.std()) if len(known) else 0.0
    if spread < STILL:
        raise NotScored(
            "still mouth",
            f"the opening of the {whose}'s mouth varies by {spread:.4f} eye distances, {STILL} are wanted",
        )
