"""What is measured of one clip's face: ``records.ClipQuality``, from what preparation knows anyway."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from speechlip.describing.appearance import Appearance
from speechlip.describing.blinks import count_blinks, eye_opening
from speechlip.describing.head_pose import head_angles, head_movement_per_s
from speechlip.describing.talkvid import talkvid_scores
from speechlip.faces.crops import CropPart, CropPlan
from speechlip.format import CROP_SIZE
from speechlip.records import ClipQuality, FaceTrack, SyncVerdict
from speechlip.timing import FPS, seconds

ANGLES = ("yaw", "pitch", "roll")
GRID = 8
"""Points along each side of a part that are looked for in the frame."""


def clip_quality(
    face: FaceTrack,
    crop: CropPlan,
    frame_size: tuple[int, int],
    appearances: Sequence[Appearance],
    verdict: SyncVerdict | None,
    faces: np.ndarray | None = None,
) -> ClipQuality:
    """The numbers of one clip.

    face: the frames of its track that are in the clip.
    crop: of the same frames.
    frame_size: (width, height) px.
    appearances: of the face in these frames.
    verdict: of the sync model on the track, or None.
    faces: (N,) how many faces there are in each of these frames; None: one.
    """
    widths = face.boxes[:, 2] - face.boxes[:, 0]
    counts = np.ones(len(face), np.int32) if faces is None else faces
    head_scores: dict[str, Any] = talkvid_scores(face, counts, frame_size)
    return ClipQuality(
        face_width_share=round(float(np.median(widths)) / frame_size[0], 4),
        mouth_inside_share=round(inside_share(crop.affines, crop.mouth, frame_size), 4),
        face_inside_share=face_inside_share(crop, frame_size),
        interpolated_share=round(float(face.interpolated.mean()), 4),
        sharpness=median_of(each.sharpness for each in appearances),
        brightness=median_of(each.brightness for each in appearances),
        brisque=median_of(each.brisque for each in appearances if each.brisque is not None),
        **of_landmarks(face),
        **head_scores,
        **of_verdict(verdict),
    )


def of_landmarks(face: FaceTrack) -> dict[str, Any]:
    """Angles, movement and blinks; empty without landmarks. Interpolated frames have no angles."""
    if face.landmarks is None:
        return {}
    measured: dict[str, Any] = {}
    if not face.interpolated.all():
        angles = head_angles(face.landmarks[~face.interpolated])
        for name, series in zip(ANGLES, angles.T, strict=True):
            measured[f"{name}_deg"] = round(float(np.median(series)), 1)
            measured[f"{name}_min_deg"] = round(float(series.min()), 1)
            measured[f"{name}_max_deg"] = round(float(series.max()), 1)
    width_px = float(np.median(face.boxes[:, 2] - face.boxes[:, 0]))
    measured["head_movement_per_s"] = round(head_movement_per_s(face.landmarks, width_px, FPS), 4)
    blinks = count_blinks(eye_opening(face.landmarks))
    return measured | {"blinks_per_minute": round(60 * blinks / seconds(len(face)), 1)}


def of_verdict(verdict: SyncVerdict | None) -> dict[str, Any]:
    """What the sync model said; empty where none judged."""
    if verdict is None:
        return {}
    return {
        "sync_confidence": verdict.confidence,
        "sync_distance": verdict.distance,
        "sync_offset_frames": verdict.offset_frames,
        "sync_p": verdict.p,
        "sync_model": verdict.model or None,
        "sync_verdict": verdict.offset_verdict or None,
    }


def face_inside_share(crop: CropPlan, frame_size: tuple[int, int]) -> float | None:
    """How much of face crops lies in the frame, 0 to 1; None of mouth crops."""
    if crop.size == CROP_SIZE:
        return None
    return round(inside_share(crop.affines, CropPart(0, 0, crop.size), frame_size), 4)


def inside_share(affines: np.ndarray, part: CropPart, frame_size: tuple[int, int]) -> float:
    """How much of a part of the crops lies in the frame, mean over frames: 0 to 1.

    affines: (N, 2, 3), frame px → crop px.
    frame_size: (width, height) px.

    >>> inside_share(np.array([[[1.0, 0, 48], [0, 1, 0]]]), CropPart(0, 0, 96), (200, 200))
    0.5
    """
    along = (np.arange(GRID) + 0.5) * part.side / GRID
    points = np.stack(np.meshgrid(along + part.x, along + part.y), axis=-1).reshape(-1, 2)
    back = np.linalg.inv(affines[:, :, :2].astype(np.float64))
    places = (points[None] - affines[:, None, :, 2]) @ back.transpose(0, 2, 1)
    return float(np.all((places >= 0) & (places < frame_size), axis=2).mean())


def median_of(values: Iterable[float]) -> float | None:
    """Median with one decimal; None of none."""
    every = list(values)
    return round(float(np.median(every)), 1) if every else None
