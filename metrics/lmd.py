"""Landmark distance of the mouth: how far the rendered lips are from the real ones, wherever the head is.

Goal: landmarks of render and reference, frame by frame → LMD in pixels, in eye distances, and the older
summed form.
Conventions: landmarks are (T, 68, 2) px in the 68-point convention, or (T, 20, 2) when only the mouth is
known; NaN in a frame says that no face was found there. Such frames are left out and counted; they are never
zero. All LMD ≥ 0, lower is better. Pixels are those of the frame that was given: ``lmd`` values compare only
at one frame size, ``lmd_iod`` compares across sizes.
Source: ``LMDMeter`` of RAD-NeRF, ER-NeRF, SyncTalk, TalkingGaussian (mean over the 20 FAN mouth points, each
frame centred by its own mean); ATVGnet evaluation (Chen et al., CVPR 2019): the same distances summed, 20 ×
as large. Functions: lmd_per_frame, eye_distance, centred_mouth, landmark_score.
"""

from dataclasses import dataclass

import numpy as np

from speechlip.faces.landmarks import MOUTH
from speechlip.metrics.declared import CLIP, Metric

EYE_CORNERS = (36, 45)
"""Outer corners of both eyes: the inter-ocular distance of the 300-W challenge."""
MOUTH_POINTS = 20


@dataclass(frozen=True)
class LandmarkScore:
    """LMD of one clip; every LMD is NaN without a frame to compare.

    lmd: px, mean over the mouth's points and the frames
    lmd_iod: the same in eye distances of the reference; NaN without eyes (mouth-only landmarks)
    lmd_atvgnet: px, summed over the points (20 × lmd); not in ``scores.csv``
    frames_compared: frames with landmarks on both sides
    frames_missing: the other frames
    per_frame: (T,) px, NaN in frames that are missing
    """

    lmd: float
    lmd_iod: float
    lmd_atvgnet: float
    frames_compared: int
    frames_missing: int
    per_frame: np.ndarray


def lmd_per_frame(render: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean distance of the centred mouth points by frame: (T, 68 or 20, 2) twice → (T,) px.

    NaN where either face is missing. Raises ValueError for shapes that do not match: align the frames first,
    a lag of one frame would be charged to the render.

    >>> still = np.zeros((2, 20, 2))
    >>> wide = still.copy(); wide[:, :10, 0], wide[:, 10:, 0] = 3.0, -1.0  # mean 1: every point is 2 px away
    >>> lmd_per_frame(wide + 50, still).tolist()
    [2.0, 2.0]
    """
    _check(render, reference)
    difference = centred_mouth(render) - centred_mouth(reference)
    return np.linalg.norm(difference, axis=2).mean(axis=1)


def eye_distance(landmarks: np.ndarray) -> float:
    """Median distance of the outer eye corners over the clip: (T, 68 or 20, 2) px → px.

    NaN for mouth-only landmarks or where no frame has a face.

    >>> face = np.zeros((1, 68, 2)); face[0, 45] = [60, 80]
    >>> eye_distance(face)
    100.0
    """
    if landmarks.shape[1] == MOUTH_POINTS:
        return float("nan")
    left, right = EYE_CORNERS
    distance = np.linalg.norm(landmarks[:, left].astype(np.float64) - landmarks[:, right], axis=1)
    return _mean_or_nan(distance, np.median)


def landmark_score(render: np.ndarray, reference: np.ndarray) -> LandmarkScore:
    """Every LMD of one clip: (T, 68 or 20, 2) px twice → LandmarkScore.

    Raises ValueError for shapes that do not match.

    >>> reference = np.zeros((3, 68, 2)); reference[:, 45] = [60, 80]
    >>> render = reference.copy(); render[:, 48:58, 0] += 4.0; render[1] = np.nan
    >>> score = landmark_score(render, reference)
    >>> score.lmd, score.lmd_iod, score.lmd_atvgnet, score.frames_compared, score.frames_missing
    (2.0, 0.02, 40.0, 2, 1)
    """
    per_frame = lmd_per_frame(render, reference)
    compared = int(np.isfinite(per_frame).sum())
    lmd, eyes = _mean_or_nan(per_frame, np.mean), eye_distance(reference)
    return LandmarkScore(
        lmd=lmd,
        lmd_iod=lmd / eyes if eyes > 0 else float("nan"),
        lmd_atvgnet=MOUTH_POINTS * lmd,
        frames_compared=compared,
        frames_missing=len(per_frame) - compared,
        per_frame=per_frame,
    )


def _check(render: np.ndarray, reference: np.ndarray) -> None:
    if render.shape != reference.shape or render.shape[1:] not in ((68, 2), (MOUTH_POINTS, 2)):
        raise ValueError(
            "landmarks of one shape (T, 68, 2) or (T, 20, 2) are wanted, "
            f"got {render.shape} and {reference.shape}"
        )


def centred_mouth(landmarks: np.ndarray) -> np.ndarray:
    """The mouth's points around their mean: (T, 68 or 20, 2) px → (T, 20, 2) px."""
    mouth = (landmarks if landmarks.shape[1] == MOUTH_POINTS else landmarks[:, MOUTH]).astype(np.float64)
    return mouth - mouth.mean(axis=1, keepdims=True)


def _mean_or_nan(values: np.ndarray, mean) -> float:
    known = values[np.isfinite(values)]
    return float(mean(known)) if len(known) else float("nan")


METRICS = (
    Metric(
        name="lmd",
        title="LMD",
        unit="px",
        higher_is_better=False,
        formula="lmd-nerf",
        needs=("reference", "landmarks"),
        per=CLIP,
        compute=lambda render, reference: landmark_score(render, reference).lmd,
        family="lmd",
    ),
    Metric(
        name="lmd_iod",
        title="LMD / eye distance",
        unit="ratio",
        higher_is_better=False,
        formula="lmd-iod",
        needs=("reference", "landmarks"),
        per=CLIP,
        compute=lambda render, reference: landmark_score(render, reference).lmd_iod,
        family="lmd",
        digits=4,
    ),
)
