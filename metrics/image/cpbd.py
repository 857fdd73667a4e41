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
"""

import numpy as np

from speechlip.metrics.declared import FRAME, Metric, NotScored

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
    """Sharpness of one image in [0, 1]: (H, W) grey or (H, W, 3) RGB, uint8.

    Raises ValueError for another type, NotScored for an image without a whole block of 64×64.

    >>> across = np.arange(64.0) - 32
    >>> edges = (100 + 100 * np.tanh(across / width) for width in (0.2, 4))
    >>> sharp, soft = (np.tile(edge, (64, 1)).astype(np.uint8) for edge in edges)
    >>> cpbd(sharp), cpbd(soft)
    (1.0, 0.0)
    """
    from skimage.feature import canny

    grey = _grey(image).astype(np.float64)
    rows, columns = (side // BLOCK_PX for side in grey.shape)
    if not rows * columns:
        raise NotScored(
            "region too small",
            f"CPBD wants a whole block of 64×64 px, the region has {grey.shape[1]}×{grey.shape[0]}",
        )
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
    from scipy.ndimage import convolve

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
    from PIL import Image

    coloured = image.ndim == 3 and image.shape[2] == 3
    if image.dtype != np.uint8 or not (image.ndim == 2 or coloured):
        raise ValueError(f"an (H, W) or (H, W, 3) uint8 image is wanted, got {image.shape} {image.dtype}")
    return np.asarray(Image.fromarray(image).convert("L")) if coloured else image


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
