"""CPBD: how sharp an image is, without a reference.

Goal: one image → the share of its edges at which blur cannot be noticed; a clip's value is the mean over
frames.
Conventions: images are (H, W) uint8 grey or (H, W, 3) uint8 RGB, at least 64 px a side; only whole blocks of
64×64 px count, from the top left: a 96×96 crop holds one, so take the face or the full frame. CPBD in [0, 1],
higher is sharper; 0 also for an image without any edge.
Source: Narvekar & Karam, "A No-Reference Image Blur Metric Based on the Cumulative Probability of Blur
Detection (CPBD)", IEEE TIP 20(9), 2011; edge widths after Marziliano et al. 2002. Edge detectors as in the
PyPI package ``cpbd`` 1.0.7 (which Speech2Lip and ATVGnet used, and which no longer imports): Canny decides
whether a block has edges, a vertical Sobel filter finds those that are measured. Function: cpbd.

The probability of noticing blur of width w is ``1 − exp(−(w / w_JNB)^3.6)``, and an edge counts as sharp up
to P = 63 %, which is just ``w ≤ w_JNB``: CPBD is the share of edges that are no wider than the just
noticeable 5 px (3 px in blocks of contrast over 50).

Grey values are whole numbers, and so is all that is computed of them here up to the last division: the number
is that of the authors' steps in float64.
"""

import math

import numpy as np

from speechlip.metrics.declared import FRAME, Metric, NotScored
from speechlip.metrics.image._blocks import BLOCK_PX, per_block, strip
from speechlip.metrics.image._canny import blocks_with_edges

LOW_CONTRAST = 50
JNB_LOW_CONTRAST_PX, JNB_PX = 5, 3
SOBEL_SCALE = 8
"""OpenCV's vertical Sobel filter sums; the authors' divides by this."""
STEEPEST = np.floor((math.sqrt(2) - 1) * np.arange(256)).astype(np.uint8)
"""Change along the row → largest change along the column of a gradient within 22.5° of the row."""
STEEPEST[0] = 255  # the authors' code takes a gradient straight up for one to the right
LONGEST_RUN_PX = 4
"""Steps counted on either side of an edge: with more it is wider than 5 px in any case."""


def cpbd(image: np.ndarray) -> float:
    """Sharpness of one image in [0, 1]: (H, W) grey or (H, W, 3) RGB, uint8.

    Raises ValueError for another type, NotScored for an image without a whole block of 64×64.

    >>> across = np.arange(64.0) - 32
    >>> edges = (100 + 100 * np.tanh(across / width) for width in (0.2, 4))
    >>> sharp, soft = (np.tile(edge, (64, 1)).astype(np.uint8) for edge in edges)
    >>> cpbd(sharp), cpbd(soft)
    (1.0, 0.0)
    """
    grey = _grey(image)
    rows, columns = (side // BLOCK_PX for side in grey.shape)
    if not rows * columns:
        raise NotScored(
            "region too small",
            f"CPBD wants a whole block of 64×64 px, the region has {grey.shape[1]}×{grey.shape[0]}",
        )
    strength = sobel_strength(grey)
    counts = [_count(grey, strength, top) for top in range(0, rows * BLOCK_PX, BLOCK_PX)]
    edges, sharp = np.stack(counts, axis=1)
    counted = blocks_with_edges(grey, edges > 0)
    return float(sharp[counted].sum() / edges[counted].sum()) if counted.any() else 0.0


def _count(grey: np.ndarray, strength: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges of each block in the row of blocks at ``top``, and how many are sharp: two (columns,) int."""
    widths = edge_widths(strip(grey, top, 1)) * maxima(strip(strength, top, 1))
    edges, wide, wider = (per_block(widths > width, 1) for width in (0, JNB_PX, JNB_LOW_CONTRAST_PX))
    values = strip(grey, top, 0)[:, : len(edges) * BLOCK_PX]
    brightest, darkest = (
        extreme(extreme(values, axis=0).reshape(-1, BLOCK_PX), axis=1) for extreme in (np.max, np.min)
    )
    return edges, edges - np.where(brightest - darkest <= LOW_CONTRAST, wider, wide)


def sobel_strength(grey: np.ndarray) -> np.ndarray:
    """Size of the vertical Sobel response in eighths: (H, W) uint8 → (H, W) int16.

    0 where its square is at most twice the root of the squares' mean.
    """
    import cv2

    response = cv2.Sobel(grey, cv2.CV_16S, 1, 0, borderType=cv2.BORDER_REFLECT)
    squares = round(cv2.norm(response, cv2.NORM_L2SQR))
    least = 2 * math.sqrt(squares / SOBEL_SCALE**2 / response.size)
    strength = np.abs(response, response)
    return cv2.threshold(strength, math.isqrt(int(least * SOBEL_SCALE**2)), 0, cv2.THRESH_TOZERO)[1]


def maxima(strength: np.ndarray) -> np.ndarray:
    """Inner pixels stronger than both neighbours in x or in y: (H, W) → (H − 2, W − 2) bool."""
    here = strength[1:-1, 1:-1]
    across = (here > strength[1:-1, :-2]) & (here > strength[1:-1, 2:])
    along = (here > strength[:-2, 1:-1]) & (here > strength[2:, 1:-1])
    return across | along


def edge_widths(grey: np.ndarray) -> np.ndarray:
    """Width of the edge at every inner pixel along its row, px: (H, W) uint8 → (H − 2, W − 2) uint8.

    0 where the gradient is not within 22.5° of the row; over 5 px only that it is over 5 px.

    From both neighbours of the pixel on, the steps are counted that go on in the gradient's direction: rising
    where it points to the right, falling where it points to the left.

    >>> row = np.array([0, 0, 10, 30, 60, 90, 100, 100, 100], np.uint8)
    >>> edge_widths(np.tile(row, (3, 1))).tolist()
    [[6, 5, 5, 5, 5, 6, 6]]
    """
    import cv2

    left, right = grey[1:-1, :-2], grey[1:-1, 2:]
    along_row = cv2.absdiff(grey[:-2, 1:-1], grey[2:, 1:-1]) <= cv2.LUT(cv2.absdiff(left, right), STEEPEST)
    here, following = grey[1:-1, :-1], grey[1:-1, 1:]
    rising = (2 + _steps_beside(here < following)) * (along_row & (left <= right))
    falling = (2 + _steps_beside(here > following)) * (along_row & (left > right))
    return rising + falling


def _steps_beside(steps: np.ndarray) -> np.ndarray:
    """How many steps go on from the neighbours of every inner pixel, outwards, at most 4 on either side.

    steps: (H, W − 1) bool, whether pixel x + 1 goes on from pixel x. Returns (H, W − 2) uint8.

    >>> _steps_beside(np.array([[True, True, False, True]])).tolist()  # of pixels 1, 2, 3
    [[0, 2, 2]]
    """
    one = np.pad(steps, ((0, 0), (LONGEST_RUN_PX, LONGEST_RUN_PX))).view(np.uint8)
    two = one[:, :-1] & one[:, 1:]
    runs = (one, two, two[:, :-1] & one[:, 2:], two[:, :-2] & two[:, 2:])
    inner = steps.shape[1] - 1
    beside = np.zeros((len(steps), inner), np.uint8)
    for length, begins in enumerate(runs, 1):  # where as many steps in a row begin
        before, after = LONGEST_RUN_PX - length, LONGEST_RUN_PX + 2
        beside += begins[:, before : before + inner]
        beside += begins[:, after : after + inner]
    return beside


def _grey(image: np.ndarray) -> np.ndarray:
    """Luma of ITU-R 601 in whole numbers, as Pillow's mode ``L``."""
    from PIL import Image

    coloured = image.ndim == 3 and image.shape[2] == 3
    if image.dtype != np.uint8 or not (image.ndim == 2 or coloured):
        raise ValueError(f"an (H, W) or (H, W, 3) uint8 image is wanted, got {image.shape} {image.dtype}")
    return np.ascontiguousarray(Image.fromarray(image).convert("L") if coloured else image)


METRIC = Metric(
    name="cpbd",
    title="CPBD",
    unit="ratio",
    higher_is_better=True,
    formula="cpbd-2011",
    needs=(),
    per=FRAME,
    compute=cpbd,
    highest=1.0,
)
