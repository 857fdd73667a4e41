"""The cut: which part of a frame a crop shows, and its pixels.

Coordinates are continuous (pixel j covers [j, j + 1)), as in ``faces/crops.py``.
"""

import numpy as np

from speechlip.format import CROP_SIZE
from speechlip.libraries import load

OVERSAMPLING = 2
"""A large shrink is done in two steps: by a whole number down to twice the crop's resolution, which is quick,
and then exactly."""


def region(affine: np.ndarray, width: int, height: int, size: int = CROP_SIZE) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 of the part of a ``width`` × ``height`` frame that ``cut`` reads.

    In whole px with even corners, since chroma comes in pairs. Never empty: where the crop lies outside the
    frame, it is the border next to it.
    """
    to_frame = np.linalg.inv(affine[:, :2].astype(np.float64))
    corners = (np.array([[0, 0], [size, 0], [0, size], [size, size]]) - affine[:, 2]) @ to_frame.T
    margin = 2 + shrinkage(affine)
    x0, x1 = whole_pixels(corners[:, 0].min() - margin, corners[:, 0].max() + margin, width)
    y0, y1 = whole_pixels(corners[:, 1].min() - margin, corners[:, 1].max() + margin, height)
    return x0, y0, x1, y1


def whole_pixels(start: float, stop: float, length: int) -> tuple[int, int]:
    """The whole pixels of [start, stop) in [0, length): at least two; first and last even where there is
    room.

    >>> whole_pixels(3.2, 6.5, 99), whole_pixels(-9, -5, 99), whole_pixels(200, 300, 99)
    ((2, 8), (0, 2), (98, 99))
    """
    first = int(min(max(start, 0), length - 1)) // 2 * 2
    last = max(int(np.ceil(min(stop, length))), first + 1)
    return first, min(length, last + last % 2)


def shrinkage(affine: np.ndarray) -> float:
    """Frame pixels per crop pixel, as length."""
    return float(1 / np.sqrt(abs(np.linalg.det(affine[:, :2].astype(np.float64)))))


def cut(image: np.ndarray, affine: np.ndarray, size: int = CROP_SIZE) -> np.ndarray:
    """Cut one crop: (size, size, 3) uint8.

    image: (H, W, 3) uint8 RGB, the frame.
    affine: (2, 3), frame px → crop px.

    Where the crop is smaller than what it shows, frame pixels are averaged, so that nothing aliases. Where it
    leaves the frame, the frame's border is repeated.
    """
    x0, y0, x1, y1 = region(affine, image.shape[1], image.shape[0], size)
    return cut_region(image[y0:y1, x0:x1], affine, (x0, y0), size)


def cut_region(
    part: np.ndarray, affine: np.ndarray, corner: tuple[int, int], size: int = CROP_SIZE
) -> np.ndarray:
    """``cut``, where only the frame's ``region`` is at hand: byte for byte the same crop.

    part: (h, w, 3) uint8 RGB, exactly that region.
    corner: (x, y) of its upper left corner in the frame.
    """
    cv2 = load("cv2")
    # cv2 counts pixel centres as whole numbers, half a pixel off on both sides: the last step below
    matrix = affine.astype(np.float64)
    matrix[:, 2] += matrix[:, :2] @ corner
    whole = min(int(shrinkage(matrix) / OVERSAMPLING), *part.shape[:2])
    if whole > 1:
        part = part[: part.shape[0] // whole * whole, : part.shape[1] // whole * whole]
        part = cv2.resize(
            part, (part.shape[1] // whole, part.shape[0] // whole), interpolation=cv2.INTER_AREA
        )
        matrix[:, :2] *= whole
    samples = max(1, int(np.ceil(shrinkage(matrix) - 0.25)))
    matrix *= samples
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    crop = cv2.warpAffine(
        part,
        matrix,
        (size * samples, size * samples),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA) if samples > 1 else crop
