"""CPBD step by step in float64, as the authors' code, with scikit-image's Canny on the full frame.

What ``speechlip.metrics.image.cpbd`` must equal, which computes the same in whole numbers. Held against the
numbers of the PyPI package ``cpbd`` 1.0.7 in test_cpbd.py. Functions: cpbd, edge_widths, sobel_edges.
"""

import numpy as np
from PIL import Image
from scipy.ndimage import convolve
from skimage.feature import canny

BLOCK_PX = 64
EDGE_SHARE = 0.002
"""A block counts when more than this share of its pixels are edges."""
LOW_CONTRAST = 50
JNB_LOW_CONTRAST_PX, JNB_PX = 5, 3
LONGEST_RUN_PX = 100
CANNY_SIGMA, CANNY_LOW, CANNY_HIGH = 1.0, 0.1, 0.2
"""skimage's defaults for images in float, as the package calls it (on values 0…255)."""
SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]]) / 8


def cpbd(image: np.ndarray) -> float:
    """Sharpness of one image in [0, 1]: (H, W) grey or (H, W, 3) RGB, uint8, with a whole block of 64×64."""
    grey = _grey(image).astype(np.float64)
    widths = _blocks(edge_widths(grey, sobel_edges(grey)))
    values = _blocks(grey)
    has_edges = (
        _blocks(canny(grey, CANNY_SIGMA, CANNY_LOW, CANNY_HIGH)).sum(axis=1) > EDGE_SHARE * BLOCK_PX**2
    )
    noticeable = np.where(np.trunc(np.ptp(values, axis=1)) <= LOW_CONTRAST, JNB_LOW_CONTRAST_PX, JNB_PX)
    edges = (widths > 0) & has_edges[:, None]
    sharp = edges & (widths <= noticeable[:, None])
    return float(sharp.sum() / edges.sum()) if edges.any() else 0.0


def sobel_edges(grey: np.ndarray) -> np.ndarray:
    """Vertical edges: (H, W) float → (H, W) bool.

    True where the squared Sobel response is over 2 √mean and a local maximum in x or in y.

    >>> step = np.zeros((5, 6)); step[:, 3:] = 100
    >>> sobel_edges(step)[2].tolist()  # both pixels beside the step respond alike, so none is a maximum
    [False, False, False, False, False, False]
    """
    strength = np.square(convolve(grey, SOBEL))
    strength[strength <= 2 * np.sqrt(strength.mean())] = 0
    framed = np.pad(strength, 1)
    across = (strength > framed[1:-1, :-2]) & (strength > framed[1:-1, 2:])
    along = (strength > framed[:-2, 1:-1]) & (strength > framed[2:, 1:-1])
    return across | along


def edge_widths(grey: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Width of every vertical edge along its row, px: (H, W) float, (H, W) bool → (H, W) int.

    0 without an edge.

    From both neighbours of an edge pixel on, the steps are counted that go on in the edge's direction: rising
    where the gradient points to the right, falling where it points to the left (within 22.5°). The outermost
    pixels are left out.

    >>> row = np.array([0, 0, 10, 30, 60, 90, 100, 100, 100.0])
    >>> edge_widths(np.tile(row, (3, 1)), np.tile(np.arange(9) == 4, (3, 1)))[1].tolist()
    [0, 0, 0, 0, 5, 0, 0, 0, 0]
    """
    gradient_y, gradient_x = np.gradient(grey)
    angle = np.where(
        gradient_x != 0, np.degrees(np.arctan2(gradient_y, gradient_x)), 0
    )  # 0 also for straight up: so the authors' code
    turn = np.abs(np.round(angle / 45))
    inner = edges.copy()
    inner[[0, -1]] = inner[:, [0, -1]] = False
    step = np.diff(grey, axis=1)
    widths = np.zeros(grey.shape, int)
    for direction, steps in ((0, step > 0), (4, step < 0)):
        here = inner & (turn == direction)
        widths[here] = _width_in(steps)[here]
    return widths


def _width_in(steps: np.ndarray) -> np.ndarray:
    """Width around each pixel: (H, W − 1) bool, whether a step goes on between neighbours → (H, W) int.

    The outermost columns are not meant to be read.
    """
    before = _run_lengths(steps)
    after = _run_lengths(steps[:, ::-1])[:, ::-1]
    width = np.zeros(before.shape, int)
    width[:, 1:-1] = 2 + np.minimum(before[:, :-2], LONGEST_RUN_PX) + np.minimum(after[:, 2:], LONGEST_RUN_PX)
    return width


def _run_lengths(steps: np.ndarray) -> np.ndarray:
    """How many steps in a row end at each pixel: (H, W − 1) bool → (H, W) int.

    >>> _run_lengths(np.array([[True, True, False, True]])).tolist()
    [[0, 1, 2, 0, 1]]
    """
    steps = np.pad(steps, ((0, 0), (1, 0)))
    place = np.arange(steps.shape[1])
    return place - np.maximum.accumulate(np.where(steps, 0, place), axis=1)


def _blocks(plane: np.ndarray) -> np.ndarray:
    """(H, W) → (blocks, 64 · 64), whole blocks only."""
    rows, columns = (side // BLOCK_PX for side in plane.shape)
    whole = plane[: rows * BLOCK_PX, : columns * BLOCK_PX]
    return whole.reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2).reshape(rows * columns, -1)


def _grey(image: np.ndarray) -> np.ndarray:
    """Luma of ITU-R 601 in whole numbers, as Pillow's mode ``L``."""
    return np.asarray(Image.fromarray(image).convert("L")) if image.ndim == 3 else image
