"""The head scores by which TalkVid chose its clips, and its thresholds, from our points.

Goal: the five scores of its third filter and its face count, for whoever wants a set chosen as TalkVid was.

Conventions: 0 to 100, higher is better; resolution goes beyond. One frame a second is looked at, from the
clip's first on, as many as it has whole seconds; of these, those in which exactly one face is seen. ``avg``
is the mean, ``min`` the worst of them.

Source: Chen et al., TalkVid (arXiv 2508.13618), data_pipeline/3_head_detail_filtering: its formulas, and the
thresholds of its README. There the five points, the box and the pose are InsightFace's, here they come from
the detector's 68 points; docs/decisions/quality-columns.md says what that changes.
"""

from collections.abc import Mapping

import numpy as np

from speechlip.describing.blinks import LEFT_EYE, RIGHT_EYE
from speechlip.describing.head_pose import head_angles
from speechlip.records import FaceTrack
from speechlip.timing import FPS

THRESHOLDS = {
    "talkvid_avg_movement": 80.0,
    "talkvid_min_movement": 60.0,
    "talkvid_avg_orientation": 70.0,
    "talkvid_min_orientation": 30.0,
    "talkvid_avg_completeness": 100.0,
    "talkvid_min_completeness": 100.0,
    "talkvid_avg_resolution": 50.0,
    "talkvid_min_resolution": 40.0,
    "talkvid_avg_rotation": 70.0,
    "talkvid_min_rotation": 60.0,
    "talkvid_face_consistency": 80.0,
}
"""Column → the least that passes."""
WEIGHTS = np.array([0.15, 0.15, 0.4, 0.15, 0.15])
"""Of both eyes, nose and both corners of the mouth in completeness."""
NOSE, CORNERS = 30, (48, 54)
PER_OTHER_COUNT = 20
"""Taken off face consistency for each frame without exactly one face."""


def talkvid_scores(face: FaceTrack, faces: np.ndarray, frame_size: tuple[int, int]) -> dict[str, float]:
    """The scores of one clip by column; empty without landmarks, without a whole second, or where no frame
    that is looked at shows exactly one face.

    face: the frames of its track that are in the clip.
    faces: (N,) how many faces there are in each frame.
    frame_size: (width, height) px.
    """
    at = np.arange(len(face) // FPS) * FPS
    alone = (faces[at] == 1) & ~face.interpolated[at]
    if face.landmarks is None or not alone.any():
        return {}
    chosen = at[alone]
    points, sides = five_points(face.landmarks[chosen]), np.array(frame_size, np.float64)
    angles = head_angles(face.landmarks[chosen])
    inside = np.all((points >= 0) & (points < sides), axis=2)
    box = face.boxes[chosen].astype(np.float64)
    areas = np.prod(box[:, 2:] - box[:, :2], axis=1) / sides.prod()
    series = {
        "movement": 100 - 100 * np.abs(np.diff(points, axis=0)).mean(axis=(1, 2)) / sides.min(),
        "rotation": 100 - np.linalg.norm(np.diff(angles, axis=0), axis=1),
        "completeness": 100 * inside @ WEIGHTS,
        "resolution": 30 * 100 * areas,
        "orientation": 100 - np.linalg.norm(angles / 180 * 100, axis=1),
    }
    scores = {}
    for name, values in series.items():
        each = values if len(values) else np.array([100.0])  # a single frame neither moves nor turns
        scores[f"talkvid_avg_{name}"] = round(float(each.mean()), 2)
        scores[f"talkvid_min_{name}"] = round(float(each.min()), 2)
    consistency = max(0.0, 100.0 - PER_OTHER_COUNT * int((~alone).sum()))
    return scores | {"talkvid_face_consistency": consistency}


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """Middle of each eye, tip of the nose, corners of the mouth: (N, 68, 2) px → (N, 5, 2) float64."""
    points = landmarks.astype(np.float64)
    eyes = [points[:, list(eye)].mean(axis=1) for eye in (LEFT_EYE, RIGHT_EYE)]
    return np.stack([*eyes, points[:, NOSE], *(points[:, corner] for corner in CORNERS)], axis=1)


def below_talkvid(scores: Mapping[str, float]) -> str:
    """The first score under its threshold, by column; ``talkvid unknown`` for none; empty where all pass.

    >>> below_talkvid(dict.fromkeys(THRESHOLDS, 100.0) | {"talkvid_avg_resolution": 49.9})
    'talkvid_avg_resolution'
    """
    if not scores:
        return "talkvid unknown"
    return next((name for name, least in THRESHOLDS.items() if scores[name] < least), "")


PRESETS = {"talkvid": " and ".join(f"{name} >= {least:g}" for name, least in THRESHOLDS.items())}
"""Preset of ``--quality`` → the same as a condition of ``--where``."""
