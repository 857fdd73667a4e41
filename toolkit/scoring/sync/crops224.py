"""SyncNet's face crops: boxes of a track → 224×224 BGR, pixel for pixel those of syncnet_python's
``crop_video``.

From each box: s = half its longer side, (x, y) its middle, all three through a running median of 13 frames
with zeros beyond the ends. The crop is rows y − s … y + 1.8 s and columns x ± 1.4 s, grey 110 beyond the
image, scaled to 224 by OpenCV's linear resize (``run_pipeline.py`` of joonson/syncnet_python).
"""

import numpy as np

from speechlip.errors import SourceRefused
from speechlip.libraries import load
from speechlip.metrics.sync import CROP_PX

MARGIN = 0.4
"""``crop_scale``: how far the crop goes beyond the box, in s; twice as far downwards."""
PAD_VALUE = 110
MEDIAN_FRAMES = 13


def square(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) x0 y0 x1 y1 px → (N, 3) float64 ``s x y``, filtered.

    >>> square(np.tile([10.0, 20, 50, 100], (20, 1)))[10].tolist()
    [40.0, 30.0, 60.0]
    """
    x0, y0, x1, y1 = boxes.astype(np.float64).T
    raw = np.stack([np.maximum(y1 - y0, x1 - x0) / 2, (x0 + x1) / 2, (y0 + y1) / 2])
    padded = np.pad(raw, ((0, 0), (MEDIAN_FRAMES // 2, MEDIAN_FRAMES // 2)))
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, MEDIAN_FRAMES, axis=1), axis=2).T


def cut224(image: np.ndarray, s: float, x: float, y: float) -> np.ndarray:
    """One crop, (224, 224, 3) uint8 BGR. Only what it shows is copied and padded.

    image: (H, W, 3) uint8 RGB.
    s, x, y: the filtered square, in px.

    Raises SourceRefused (stage ``sync``) where nothing of the square lies within reach of the image.
    """
    cv2 = load("cv2")
    height, width = image.shape[:2]
    rows, columns = _reach(width, height, s, x, y)
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        raise SourceRefused(
            "sync",
            "empty face crop",
            f"a face of half side {s:.1f} px at ({x:.0f}, {y:.0f}) of a {width}×{height} picture",
        )
    face = np.full((rows[1] - rows[0], columns[1] - columns[0], 3), PAD_VALUE, np.uint8)
    left, top, right, bottom = shown224(width, height, s, x, y)
    face[top - rows[0] : bottom - rows[0], left - columns[0] : right - columns[0]] = image[
        top:bottom, left:right, ::-1
    ]
    return cv2.resize(face, (CROP_PX, CROP_PX))


def shown224(width: int, height: int, s: float, x: float, y: float) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 px of the part of a ``width`` × ``height`` image that a crop shows.

    >>> shown224(200, 150, 40, 100, 60)
    (44, 20, 156, 132)
    """
    rows, columns = _reach(width, height, s, x, y)
    top, bottom = (min(max(row, 0), height) for row in rows)
    left, right = (min(max(column, 0), width) for column in columns)
    return left, top, right, bottom


def _reach(width: int, height: int, s: float, x: float, y: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last + 1 of a crop's rows, and of its columns, which may lie beyond the image."""
    pad = int(s * (1 + 2 * MARGIN))
    rows = _stretch(y + pad - s, y + pad + s * (1 + 2 * MARGIN), height, pad)
    columns = _stretch(x + pad - s * (1 + MARGIN), x + pad + s * (1 + MARGIN), width, pad)
    return rows, columns


def _stretch(start: float, stop: float, length: int, pad: int) -> tuple[int, int]:
    """The pixels of an image that ``padded[int(start):int(stop)]`` shows: first, and last + 1.

    length: of the image, in px.
    pad: px added on either side.

    >>> _stretch(3.9, 20.2, 10, 5)  # pixels 3 … 19 of 20 padded ones, which are −2 … 14 of the picture
    (-2, 15)
    """
    first, last, _ = slice(int(start), int(stop)).indices(length + 2 * pad)
    return first - pad, last - pad
