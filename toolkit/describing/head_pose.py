"""How a head is turned and how it moves, from the 68 points of its face.

Goal: yaw, pitch and roll of every frame, without a model of the camera and without another network.

Conventions: degrees. yaw > 0: the face looks to the image's right; pitch > 0: up; roll > 0: the head leans
clockwise in the image. The order is yaw, then pitch, then roll about the face's own axis; 0, 0, 0 is
MediaPipe's canonical face seen from the front.

Source: scaled orthographic projection (POS; DeMenthon and Davis 1995) by least squares over the points that
speech does not move; the nearest rotation by SVD. Depths are those of canonical_face_model.obj (Apache-2.0).
docs/decisions/quality-columns.md says how near that comes.
"""

from functools import lru_cache

import numpy as np

from speechlip.faces.landmarks import MIRROR, RIGID, mean_face

# Towards the camera, in cm: the third coordinate of ``faces.landmarks.mean_face`` at its rigid points.
_LEFT_DEPTH = {
    17: 2.831, 18: 3.752, 19: 4.466, 20: 5.016, 21: 5.316, 27: 5.789, 28: 6.317, 29: 7.243, 30: 7.587,
    31: 5.241, 32: 5.866, 33: 6.058, 36: 3.173, 39: 3.758,
}  # fmt: skip


def rigid_face() -> np.ndarray:
    """The rigid points of the reference face: (23, 3) float64 cm; x right, y down, z away from the camera."""
    depth = _LEFT_DEPTH | {int(MIRROR[point]): z for point, z in _LEFT_DEPTH.items()}
    return np.column_stack([mean_face()[list(RIGID)], [-depth[point] for point in RIGID]])


def head_angles(landmarks: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll of every frame: (N, 68, 2) px → (N, 3) float64 degrees.

    >>> straight = 10 * mean_face()[None] + 100
    >>> np.abs(head_angles(straight)).round(3).tolist()
    [[0.0, 0.0, 0.0]]
    """
    points = landmarks[:, list(RIGID)].astype(np.float64)
    centred = points - points.mean(axis=1, keepdims=True)
    projection = np.einsum("kp,npc->nck", _fitting(), centred)
    left, _, right = np.linalg.svd(projection, full_matrices=False)
    rows = left @ right
    along, down = rows[:, 0], rows[:, 1]
    forth = np.cross(along, down)
    yaw = np.arctan2(-along[:, 2], forth[:, 2])
    pitch = np.arcsin(np.clip(down[:, 2], -1, 1))
    roll = np.arctan2(down[:, 0], down[:, 1])
    return np.degrees(np.column_stack([yaw, pitch, roll]))


@lru_cache
def _fitting() -> np.ndarray:
    """(3, 23): points around their mean → the projection that fits them best."""
    face = rigid_face()
    fitting: np.ndarray = np.linalg.pinv(face - face.mean(axis=0))
    return fitting


def head_movement_per_s(landmarks: np.ndarray, face_width_px: float, fps: int) -> float:
    """Mean speed of the head in the image, in face widths a second; 0 for a single frame.

    landmarks: (N, 68, 2) px of consecutive frames.
    face_width_px: width of the face box.
    """
    middle = landmarks[:, list(RIGID)].mean(axis=1, dtype=np.float64)
    way_px = np.linalg.norm(np.diff(middle, axis=0), axis=1)
    return float(way_px.mean() * fps / face_width_px) if len(way_px) else 0.0
