"""Where in the frame an image metric looks: the full frame, the face, or the mouth.

Goal: boxes from the *reference's* landmarks or face track (a box from the render would reward a wrong mouth),
applied to both images.
Conventions: images are (H, W, 3) uint8; a box is ``(x0, y0, x1, y1)`` whole pixels, x1 and y1 excluded,
always inside the frame; landmarks (T, 68, 2) or (T, 20, 2) px, NaN where no face was found.
Source: mouth box of Speech2Lip (``crop_lip``): centred on the bounding rectangle of the points 48–67, its y
times 1.02, of the shape 120×80; our width of 1.9 mouth widths replaces its 120 px, which fit one video only.
Functions: mouth_boxes, face_box, cut.
"""

import numpy as np

from speechlip.faces.crops import MOUTH_WIDTHS
from speechlip.faces.landmarks import MOUTH, MOUTH_CORNERS

Box = tuple[int, int, int, int]
REGIONS = ("full", "face", "mouth")
ASPECT = 3 / 2
CENTRE_Y = 1.02


def mouth_boxes(landmarks: np.ndarray, width: int, height: int) -> list[Box | None]:
    """One box per frame around the reference's mouth, all of one size; None where no face was found.

    landmarks: (T, 68, 2) or (T, 20, 2) px of a frame of ``width`` × ``height`` px. A box that would leave the
    frame is moved inside.

    >>> mouth = np.full((2, 20, 2), np.nan)
    >>> mouth[0] = 250.0; mouth[0, 0], mouth[0, 6] = [220, 250], [280, 250]
    >>> mouth_boxes(mouth, 500, 500)  # 60 px wide: 114 × 76 around (250, 255)
    [(193, 217, 307, 293), None]
    """
    mouth = landmarks if landmarks.shape[1] == 20 else landmarks[:, MOUTH]
    size = _mouth_box_size(mouth)
    return [
        _box_around(_mouth_centre(points), size, (width, height)) if np.isfinite(points).all() else None
        for points in mouth
    ]


def face_box(box: np.ndarray, width: int, height: int) -> Box | None:
    """The part of a face track's box that lies in the frame, in whole pixels; None when nothing of it does.

    >>> face_box(np.array([-10.4, 20.6, 90.2, 130.0]), 80, 200)
    (0, 21, 80, 130)
    """
    if not np.isfinite(box).all():
        return None
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def cut(image: np.ndarray, box: Box | None) -> np.ndarray:
    """The image inside the box, without a copy; the whole image for None (region ``full``).

    >>> cut(np.zeros((100, 200, 3), np.uint8), (10, 20, 70, 60)).shape
    (40, 60, 3)
    """
    if box is None:
        return image
    x0, y0, x1, y1 = box
    return image[y0:y1, x0:x1]


def _mouth_box_size(mouth: np.ndarray) -> tuple[int, int]:
    """Width and height in px: 1.9 × the clip's mean mouth width, 3 : 2; (0, 0) without any mouth."""
    left, right = (corner - MOUTH.start for corner in MOUTH_CORNERS)
    widths = np.linalg.norm(mouth[:, right].astype(np.float64) - mouth[:, left], axis=1)
    widths = widths[np.isfinite(widths)]
    wide = MOUTH_WIDTHS * widths.mean() if len(widths) else 0.0
    return round(wide), round(wide / ASPECT)


def _mouth_centre(points: np.ndarray) -> np.ndarray:
    centre = (points.min(axis=0).astype(np.float64) + points.max(axis=0)) / 2
    return centre * [1, CENTRE_Y]


def _box_around(centre: np.ndarray, size: tuple[int, int], frame: tuple[int, int]) -> Box:
    (x0, x1), (y0, y1) = (_span(float(c), min(s, f), f) for c, s, f in zip(centre, size, frame, strict=True))
    return x0, y0, x1, y1


def _span(centre: float, size: int, limit: int) -> tuple[int, int]:
    first = min(max(round(centre - size / 2), 0), limit - size)
    return first, first + size
