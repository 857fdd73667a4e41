"""The 36 statistics of an image that BRISQUE's regression is fed with.

Goal: one luma → how its locally normalised values, and their products with their neighbours, are distributed.
Conventions: luma (H, W) in 0…255; for each of two scales the shape and variance of a generalised Gaussian,
then for neighbours to the right, below, below right and above right (each the other way round, across the
border) shape, mean, left and right variance of an asymmetric one. Beyond the image there are zeros in the
7 × 7 window. The second scale is the first at half size: bicubic, low-passed, the border mirrored.
Source: Mittal, Moorthy and Bovik, IEEE Trans. Image Processing 21(12), 2012, in the arithmetic of its
authors' release: MATLAB's ``filter2``, ``circshift`` and ``imresize(image, 0.5)``, shapes looked up in
steps of 0.001. Functions: natural_statistics, locally_normalised, halved, symmetric_fit, asymmetric_fit.
"""

import math
from functools import cache

import numpy as np

from speechlip.metrics.declared import NotScored

N_STATISTICS = 36
SCALES = 2
LEAST_PX = 16
"""Smallest side: half of it is about one window."""
WINDOW_PX, WINDOW_SIGMA = 7, 7 / 6
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (-1, 1))
"""By how many rows and columns the image is shifted against itself."""
SHAPES = np.arange(200, 10_001) / 1000
HALVING = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256
"""Keys' cubic (a = −0.5) stretched to twice its width, at ±0.5, 1.5, 2.5 and 3.5 px."""


def natural_statistics(luma: np.ndarray) -> np.ndarray:
    """(H, W) → (36,) float64. Raises NotScored: ``region too small`` under 16 px, ``flat image``."""
    if min(luma.shape) < LEAST_PX:
        raise NotScored(
            "region too small", f"BRISQUE wants at least {LEAST_PX} px a side, got {luma.shape[::-1]}"
        )
    image = luma.astype(np.float64)
    numbers: list[float] = []
    for _ in range(SCALES):
        values = locally_normalised(image)
        numbers += symmetric_fit(values)
        for shift in NEIGHBOURS:
            numbers += asymmetric_fit(values * np.roll(values, shift, axis=(0, 1)))
        image = halved(image)
    return np.array(numbers)


def locally_normalised(image: np.ndarray) -> np.ndarray:
    """(x − μ) / (σ + 1), μ and σ of the Gaussian window around each pixel: (H, W) float64."""
    import cv2

    window = cv2.getGaussianKernel(WINDOW_PX, WINDOW_SIGMA)

    def around(values: np.ndarray) -> np.ndarray:
        return cv2.sepFilter2D(values, cv2.CV_64F, window, window, borderType=cv2.BORDER_CONSTANT)

    mean = around(image)
    deviation = np.sqrt(np.abs(around(image * image) - mean * mean))
    normalised: np.ndarray = (image - mean) / (deviation + 1)
    return normalised


def halved(image: np.ndarray) -> np.ndarray:
    """(H, W) float64 → (⌈H / 2⌉, ⌈W / 2⌉), as ``imresize(image, 0.5)``.

    >>> halved(np.arange(16.0).repeat(8).reshape(16, 8))[2:4, 0].tolist()  # rows 4 and 5 become one at 4.5
    [4.5, 6.5]
    """
    import cv2

    place, border = (3, 3), cv2.BORDER_REFLECT
    smooth = cv2.sepFilter2D(image, cv2.CV_64F, HALVING, HALVING, anchor=place, borderType=border)
    return smooth[::2, ::2]


def symmetric_fit(values: np.ndarray) -> tuple[float, float]:
    """Shape and variance of a generalised Gaussian of mean 0, by moments. Raises NotScored: ``flat image``.

    >>> symmetric_fit(np.array([-1.0, 1.0, -1.0, 1.0])) == (10.0, 1.0)  # no tails: the greatest shape
    True
    """
    variance, mean_size = float(np.mean(values * values)), float(np.mean(np.abs(values)))
    if not variance:
        raise NotScored("flat image", "BRISQUE wants an image whose values differ")
    return nearest_shape(mean_size**2 / variance), variance


def asymmetric_fit(values: np.ndarray) -> tuple[float, float, float, float]:
    """Shape, mean, left and right variance of an asymmetric generalised Gaussian with its mode at 0.

    Raises NotScored: ``flat image`` where either side is empty.
    """
    below = np.minimum(values, 0)
    n_left, n_right = np.count_nonzero(values < 0), np.count_nonzero(values > 0)
    squares, left_squares = float(np.vdot(values, values)), float(np.vdot(below, below))
    right_squares = squares - left_squares
    if not (n_left and n_right and left_squares > 0 and right_squares > 0):
        raise NotScored("flat image", "BRISQUE wants neighbours that differ, to both sides")
    left, right = math.sqrt(left_squares / n_left), math.sqrt(right_squares / n_right)
    mean_size = (float(values.sum()) - 2 * float(below.sum())) / values.size
    skew, ratio = left / right, mean_size**2 / (squares / values.size)
    shape = nearest_shape(ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2)
    mean = (right - left) * math.exp(
        math.lgamma(2 / shape) - (math.lgamma(1 / shape) + math.lgamma(3 / shape)) / 2
    )
    return shape, mean, left**2, right**2


def nearest_shape(ratio: float) -> float:
    """The shape whose (E|x|)² / E x² is next to ``ratio``, 0.2 to 10 in steps of 0.001.

    >>> nearest_shape(2 / np.pi), nearest_shape(0.5)  # Gaussian, Laplacian
    (2.0, 1.0)
    """
    return float(SHAPES[np.abs(_ratios() - ratio).argmin()])


@cache
def _ratios() -> np.ndarray:
    """Γ(2/s)² / (Γ(1/s) Γ(3/s)) of every shape s."""
    from scipy.special import gammaln

    ratios: np.ndarray = np.exp(2 * gammaln(2 / SHAPES) - gammaln(1 / SHAPES) - gammaln(3 / SHAPES))
    return ratios
