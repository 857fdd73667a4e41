"""Decompose: similarities between the frames of a person and one canonical mouth crop.

What moves with the head (place, size and roll) is taken out, so that only what speech does is left to a
renderer; the inverse brings lips back. The canonical face is the mean of the person's own rigid points
(brows, nose, eye corners) over the training frames, and the crop a fixed box around its mean mouth.
"""

from dataclasses import dataclass

import numpy as np

from speechlip.faces.crops import MOUTH_WIDTHS, similarities
from speechlip.faces.landmarks import MOUTH, MOUTH_CORNERS, RIGID
from speechlip.faces.pose import Pose, as_complex, fit_pose
from speechlip.format import CROP_SIZE

POSE_FRAMES = 2.0
"""σ of the smoothing of place, size and roll."""


@dataclass(frozen=True)
class Canonical:
    """What a person's mouth crops are aligned to, in centimetres of the mean face.

    rigid: (R,) complex, its rigid points.
    mouth: complex, the middle of the crop.
    mouth_width: mean distance of the mouth's corners.
    """

    rigid: np.ndarray
    mouth: complex
    mouth_width: float

    def pose_of(self, landmarks: np.ndarray) -> Pose:
        """Of (N, 68, 2) px, not smoothed."""
        return fit_pose(landmarks.astype(np.float64), self.rigid)

    def affines(self, poses: Pose) -> np.ndarray:
        """(N, 2, 3) float64, frame px → crop px, of N frames; the crop is 1.9 mouth widths wide."""
        centre = poses.to_image(np.full((len(poses.turn), 1), self.mouth))[:, 0]
        return similarities(centre, CROP_SIZE / MOUTH_WIDTHS / self.mouth_width / poses.turn)


def canonical_face(landmarks: np.ndarray) -> Canonical:
    """The canonical face of training frames: (N, 68, 2) px, a face in each."""
    points = landmarks.astype(np.float64)
    rigid = fit_pose(points).to_face(as_complex(points[:, list(RIGID)])).mean(axis=0)
    mouth = fit_pose(points, rigid).to_face(as_complex(points[:, MOUTH])).mean(axis=1)
    corners = fit_pose(points, rigid).to_face(as_complex(points[:, MOUTH_CORNERS]))
    width = np.abs(corners[:, 1] - corners[:, 0]).mean()
    return Canonical(rigid, complex(mouth.mean()), float(width))


def smooth_affines(landmarks: np.ndarray, canonical: Canonical, tracks: np.ndarray) -> np.ndarray:
    """Affines of all frames of a person: (N, 2, 3), frame px → crop px, NaN where no face is followed.

    landmarks: (N, 68, 2) px.
    tracks: (N,) int, the face track of each frame, −1 where there is none. Each is smoothed on its own.
    """
    affines = np.full((len(landmarks), 2, 3), np.nan)
    for track in np.unique(tracks[tracks >= 0]):
        here = tracks == track
        pose = canonical.pose_of(landmarks[here])
        affines[here] = canonical.affines(pose.smoothed(POSE_FRAMES, POSE_FRAMES))
    return affines
