"""Which blocks of an image have Canny edges, without looking for all of them.

Goal: an image and a choice of blocks → those of which more than 0.2 % of the pixels are edges, as
scikit-image's ``canny`` finds them in the whole image.
Conventions: images (H, W) uint8 grey, blocks (rows, columns) of 64×64 px.
Source: thresholds of scikit-image for images in float, as the PyPI package ``cpbd`` calls it on values 0…255.
Function: blocks_with_edges.

A block wants 9 edges and nearly always has hundreds. A pixel whose gradient is longer than those of its 8
neighbours is an edge for certain, and is found at a fiftieth of the cost. Only blocks that have too few of
these are given to scikit-image: alone with the pixels that matter for them, and the whole image only where it
is left open how far weak edges go on.
"""

import numpy as np

from speechlip.metrics.image._blocks import BLOCK_PX, per_block, strip

EDGE_SHARE = 0.002
"""A block counts when more than this share of its pixels are edges."""
MOST_WITHOUT = int(EDGE_SHARE * BLOCK_PX**2)
SIGMA, LOW, HIGH = 1.0, 0.1, 0.2
REACH_PX = 6
"""Pixels beside a block on which it depends: 4 by the Gaussian (4 σ), 1 by the gradient, 1 as neighbours."""
ROUNDING = 0.01
"""Over what a gradient of grey values 0…255 may be off in float32."""
NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)


def blocks_with_edges(grey: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Those blocks of ``asked`` that have edges: (H, W) uint8, (rows, columns) bool → (rows, columns) bool.

    >>> step = np.zeros((64, 128), np.uint8); step[:, 32:] = 50
    >>> blocks_with_edges(step, np.array([[True, True]]))
    array([[ True, False]])
    """
    tops = range(0, len(asked) * BLOCK_PX, BLOCK_PX)
    many = asked & (np.stack([_certain_edges(strip(grey, top, REACH_PX)) for top in tops]) > MOST_WITHOUT)
    for row, column in np.argwhere(asked & ~many):
        weak, strong = _bounds(grey, row * BLOCK_PX, column * BLOCK_PX)
        if strong <= MOST_WITHOUT < weak:
            return asked & (_all_edges(grey) > MOST_WITHOUT)
        many[row, column] = strong > MOST_WITHOUT
    return many


def _certain_edges(grey: np.ndarray) -> np.ndarray:
    """How many pixels of each block are edges for certain: a strip, (76, W) uint8 → (columns,) int."""
    import cv2

    smooth = cv2.GaussianBlur(grey.astype(np.float32), (9, 9), SIGMA)
    length = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    least = np.maximum(cv2.dilate(length, NEIGHBOURS), np.float32(HIGH)) + np.float32(ROUNDING)
    inner = slice(REACH_PX, -REACH_PX)
    return per_block(length[inner, inner] > least[inner, inner], REACH_PX)


def _bounds(grey: np.ndarray, top: int, left: int) -> tuple[int, int]:
    """How many edges a block may have at most, and has at least: all of its weak ones count, or none."""
    above, before = min(top, REACH_PX), min(left, REACH_PX)
    around = strip(strip(grey, top, REACH_PX).T, left, REACH_PX).T
    block = np.s_[above : above + BLOCK_PX, before : before + BLOCK_PX]
    weak, strong = (int(_canny(around, least, least)[block].sum()) for least in (LOW, HIGH))
    return weak, strong


def _all_edges(grey: np.ndarray) -> np.ndarray:
    """How many edges each block has: (H, W) uint8 → (rows, columns) int."""
    edges = _canny(grey, LOW, HIGH)
    return np.stack(
        [per_block(strip(edges, top, 0), 0) for top in range(0, len(grey) - BLOCK_PX + 1, BLOCK_PX)]
    )


def _canny(grey: np.ndarray, low: float, high: float) -> np.ndarray:
    from skimage.feature import canny

    return canny(grey.astype(np.float64), SIGMA, low, high)
