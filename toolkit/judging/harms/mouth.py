"""Mouths that move more or less than they did: frames warped around the lips and the chin.

Goal: the same person, whose mouth opens ``factor`` times as far as it did; 0 freezes it.
Conventions: landmarks (T, 68, 2) px, NaN in frames without a face, which stay as they are. Shapes are
compared where heads do not move (``faces.pose``).
The mouth at rest is the mean shape of the tenth of the frames in which it is open least; movements are
measured from there. Between the landmarks a thin-plate spline moves the pixels; away from the face none.
Source: ours. Functions: mouth_moved, mouth_frozen, moved_landmarks.
"""

import numpy as np

from speechlip.faces.detectors.opening import declared
from speechlip.faces.landmarks import RIGID
from speechlip.faces.pose import as_complex, as_points, fit_pose
from speechlip.judging.harms.material import Material
from speechlip.metrics.declared import NotScored

MOVED = np.array([*range(6, 11), *range(48, 68)])
"""Chin and lips."""
ANCHORS = np.array([*range(4), *range(13, 17), *RIGID])
"""What stays: the sides of the jaw, brows, nose, eyes."""
INNER_LIPS = (62, 66)
LIPS = slice(48, 60)
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
        raise _why_no_landmarks(material)
    wanted = moved_landmarks(material.landmarks, factor)
    pairs = zip(material.images, material.landmarks, wanted, strict=True)
    return np.stack(
        [_warped(image, points, to) if np.isfinite(to).all() else image for image, points, to in pairs]
    )


def _why_no_landmarks(material: Material) -> NotScored:
    if material.faces and declared(material.faces.detector).has_landmarks:
        return NotScored("no face", f"in none of {len(material.images)} frames one is followed")
    return NotScored("no landmarks", "mouths are warped by landmarks; take --detector landmarker")


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


def mouth_frozen(material: Material, step: float) -> np.ndarray:
    """Frames in which the mouth rests: closed by the warp, and over it the lips of the frame that is open
    least, so that no teeth show. (T, H, W, 3) uint8. Raises NotScored as ``mouth_moved``.
    """
    images = mouth_moved(material, 0)
    points = np.asarray(material.landmarks)
    rest = int(np.nanargmin(np.linalg.norm(points[:, INNER_LIPS[1]] - points[:, INNER_LIPS[0]], axis=1)))
    for image, to in zip(images, moved_landmarks(points, 0), strict=True):
        if np.isfinite(to).all():
            _lay_lips(image, material.images[rest], points[rest].astype(np.float64), to)
    return images


def _lay_lips(image: np.ndarray, closed: np.ndarray, points: np.ndarray, to: np.ndarray) -> None:
    """Lay the lips of ``closed``, at ``points``, over ``image`` at ``to``, with a soft rim."""
    import cv2

    left, top, right, bottom = (round(edge) for edge in _box(to, image.shape))
    part = _pulled(closed, to, points, (left, top, right, bottom))
    mask = np.zeros(part.shape[:2], np.float32)
    lips = to[LIPS] - (left, top)
    grown = lips.mean(axis=0) + 1.3 * (lips - lips.mean(axis=0))
    cv2.fillConvexPoly(mask, cv2.convexHull(grown.astype(np.float32)).astype(np.int32), 1.0)
    rim = max(1.0, 0.05 * float(np.ptp(lips[:, 0])))
    share = cv2.GaussianBlur(mask, (0, 0), rim)[..., None]
    under = image[top : bottom + 1, left : right + 1]
    under[:] = np.round(under * (1 - share) + part * share).astype(np.uint8)


def _warped(image: np.ndarray, points: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The image with ``points`` moved ``to`` where they go; (68, 2) px each."""
    left, top, right, bottom = (round(edge) for edge in _box(points, image.shape))
    warped = image.copy()
    warped[top : bottom + 1, left : right + 1] = _pulled(image, to, points, (left, top, right, bottom), True)
    return warped


def _pulled(
    image: np.ndarray,
    to: np.ndarray,
    points: np.ndarray,
    box: tuple[int, int, int, int],
    keep_rim: bool = False,
) -> np.ndarray:
    """The part of a frame in ``box`` whose landmarks are ``to``, with the pixels of ``image``, whose are
    ``points``.

    keep_rim: whether pixels at the edge of the box stay where they are.
    """
    import cv2
    from scipy.interpolate import RBFInterpolator

    left, top, right, bottom = box
    places, come_from = to[[*MOVED, *ANCHORS]], (points - to)[[*MOVED, *ANCHORS]]
    if keep_rim:
        middle = ((left + right) / 2, (top + bottom) / 2)
        rim = [(x, y) for x in (left, middle[0], right) for y in (top, middle[1], bottom) if (x, y) != middle]
        places, come_from = np.concatenate([places, rim]), np.concatenate([come_from, np.zeros((8, 2))])
    spline = RBFInterpolator(places, come_from, kernel="thin_plate_spline", smoothing=SMOOTHING)
    across, down = np.meshgrid(np.linspace(left, right, GRID), np.linspace(top, bottom, GRID))
    far = spline(np.stack([across.ravel(), down.ravel()], axis=1)).reshape(GRID, GRID, 2)
    if keep_rim:
        fade = np.sin(np.linspace(0, np.pi, GRID)) ** 0.25
        far *= fade[:, None, None] * fade[None, :, None]
    size = right - left + 1, bottom - top + 1
    moved = cv2.resize(far.astype(np.float32), size)
    columns, rows = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    return cv2.remap(
        image,
        columns + np.float32(left) + moved[..., 0],
        rows + np.float32(top) + moved[..., 1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _box(points: np.ndarray, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """The face with a third around it, within the image, in whole px: left, top, right, bottom."""
    low, high = points.min(axis=0), points.max(axis=0)
    rim = (high - low).max() / 3
    left, top = np.maximum(0, np.floor(low - rim))
    right, bottom = np.minimum([shape[1] - 1, shape[0] - 1], np.ceil(high + rim))
    return float(left), float(top), float(right), float(bottom)
