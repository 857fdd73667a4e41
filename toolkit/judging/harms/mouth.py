"""Mouths that move more or less than they did: frames warped around the lips and the chin.

Goal: the same person, whose mouth opens ``factor`` times as far as it did; 0 freezes it.
Conventions: landmarks (T, 68, 2) px, NaN in frames without a face, which stay as they are. Shapes are
compared where heads do not move (``faces.pose``).
The mouth at rest is the mean shape of the tenth of the frames in which it is open least; movements are
measured from there. Between the landmarks a thin-plate spline moves the pixels; away from the face none.
Source: ours. Functions: mouth_moved, moved_landmarks.
"""

import numpy as np

from speechlip.faces.landmarks import RIGID
from speechlip.faces.pose import as_complex, as_points, fit_pose
from speechlip.judging.harms.material import Material
from speechlip.metrics.declared import NotScored

MOVED = np.array([*range(6, 11), *range(48, 68)])
"""Chin and lips."""
ANCHORS = np.array([*range(4), *range(13, 17), *RIGID])
"""What stays: the sides of the jaw, brows, nose, eyes."""
INNER_LIPS = (62, 66)
REST_SHARE = 0.1
GRID = 40
"""Places along each side of the warped box at which the spline is evaluated."""
SMOOTHING = 1.0
"""Of the spline: closed lips are two landmarks in one place, which no exact spline can pass."""


def mouth_moved(material: Material, factor: float) -> np.ndarray:
    """Frames in which the mouth moves ``factor`` times as far from its rest: (T, H, W, 3) uint8.

    Raises NotScored: ``no landmarks``, ``no face``.
    """
    if material.landmarks is None:
        raise NotScored("no landmarks", "mouths are warped by landmarks; take --detector landmarker")
    wanted = moved_landmarks(material.landmarks, factor)
    pairs = zip(material.images, material.landmarks, wanted, strict=True)
    return np.stack(
        [_warped(image, points, to) if np.isfinite(to).all() else image for image, points, to in pairs]
    )


def moved_landmarks(landmarks: np.ndarray, factor: float) -> np.ndarray:
    """Where chin and lips go: (T, 68, 2) px → the same, other points unmoved, NaN in frames without a face.

    Raises NotScored, ``no face``, where no frame has one.
    """
    known = np.isfinite(landmarks).all(axis=(1, 2))
    if not known.any():
        raise NotScored("no face", f"in none of {len(landmarks)} frames")
    pose = fit_pose(landmarks[known])
    upright = pose.to_face(as_complex(landmarks[known].astype(np.float64)))
    opening = np.abs(upright[:, INNER_LIPS[1]] - upright[:, INNER_LIPS[0]])
    closed = np.argsort(opening, kind="stable")[: max(1, round(REST_SHARE * len(opening)))]
    rest = upright[closed].mean(axis=0)[MOVED]
    upright[:, MOVED] = rest + factor * (upright[:, MOVED] - rest)
    moved = np.full(landmarks.shape, np.nan)
    moved[known] = as_points(pose.to_image(upright))
    return moved


def _warped(image: np.ndarray, points: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The image with ``points`` moved ``to`` where they go; (68, 2) px each."""
    import cv2
    from scipy.interpolate import RBFInterpolator

    left, top, right, bottom = _box(points, image.shape)
    rim = [(x, y) for x in (left, (left + right) / 2, right) for y in (top, (top + bottom) / 2, bottom)]
    rim.remove(((left + right) / 2, (top + bottom) / 2))
    places = np.concatenate([to[MOVED], points[ANCHORS], rim])
    come_from = np.zeros_like(places)
    come_from[: len(MOVED)] = points[MOVED] - to[MOVED]
    spline = RBFInterpolator(places, come_from, kernel="thin_plate_spline", smoothing=SMOOTHING)
    xs, ys = np.linspace(left, right, GRID), np.linspace(top, bottom, GRID)
    across, down = np.meshgrid(xs, ys)
    far = spline(np.stack([across.ravel(), down.ravel()], axis=1)).reshape(GRID, GRID, 2)
    fade = np.sin(np.linspace(0, np.pi, GRID)) ** 0.25
    size = (int(right - left) + 1, int(bottom - top) + 1)
    moved = cv2.resize((far * (fade[:, None, None] * fade[None, :, None])).astype(np.float32), size)
    columns, rows = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    part = cv2.remap(
        image,
        columns + np.float32(left) + moved[..., 0],
        rows + np.float32(top) + moved[..., 1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    warped = image.copy()
    warped[int(top) : int(top) + size[1], int(left) : int(left) + size[0]] = part
    return warped


def _box(points: np.ndarray, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """The face with a third around it, within the image, in whole px: left, top, right, bottom."""
    low, high = points.min(axis=0), points.max(axis=0)
    rim = (high - low).max() / 3
    left, top = np.maximum(0, np.floor(low - rim))
    right, bottom = np.minimum([shape[1] - 1, shape[0] - 1], np.ceil(high + rim))
    return float(left), float(top), float(right), float(bottom)
