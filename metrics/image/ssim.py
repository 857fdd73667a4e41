"""SSIM: structural similarity of a rendered image and the real one.

Goal: two images of one size → one number; a clip's value is the mean over its frames.
Conventions: images (H, W, 3) uint8 RGB, at least 7 px a side; SSIM in [−1, 1], higher is better.
Source: Wang et al. 2004, by scikit-image's defaults: uniform 7×7 window, sample covariance, whole windows
only, mean over the colour channels. Function: ssim.

With x, y the values of one colour in a window of N = 49 px, and Σ their sums:

    alike      = 2 Σx Σy                  apart  = (Σx − Σy)²
    covariance = 2 N Σxy − alike          unlike = N Σ(x − y)² − apart
    luminance  = alike + c₁               c₁ = (0.01 · 255 N)²
    structure  = covariance + c₂          c₂ = (0.03 · 255)² N (N − 1)
    SSIM       = luminance / (luminance + apart) · structure / (structure + unlike)

The first four are whole numbers below 2³¹, so nothing is lost where large ones nearly cancel, as they do in
flat images. The rest is computed in float32.
"""

import numpy as np

from speechlip.metrics.declared import FRAME_PAIR, Metric
from speechlip.metrics.image._checks import check_pair, check_size

WINDOW_PX = 7
EDGE_PX = WINDOW_PX // 2
N = WINDOW_PX**2
C1 = np.float32((0.01 * 255 * N) ** 2)
C2 = np.float32((0.03 * 255) ** 2 * N * (N - 1))
STRIP_VALUES = 150_000
"""Values of an image that are computed at a time, so that the sums stay in a core's cache."""


def ssim(render: np.ndarray, reference: np.ndarray) -> float:
    """``structural_similarity(channel_axis=-1, data_range=255)`` of two (H, W, 3) uint8 images, to 10⁻⁶.

    Raises ValueError for images that do not match, NotScored for images smaller than the window of 7 px.

    >>> grey = np.full((8, 8, 3), 100, np.uint8)
    >>> round(ssim(grey + 50, grey), 4)
    0.9231
    """
    check_pair(render, reference)
    check_size(render, WINDOW_PX, "SSIM")
    height, width, _ = render.shape
    windows = height - 2 * EDGE_PX
    rows = min(windows, max(WINDOW_PX, STRIP_VALUES // (3 * width)))
    strip = _Strip(rows + 2 * EDGE_PX, width)
    total = 0.0
    for top in range(0, windows, rows):
        seen = slice(top, top + rows + 2 * EDGE_PX)
        total += strip.summed_ssim(render[seen], reference[seen])
    return total / (windows * (width - 2 * EDGE_PX) * 3)


class _Strip:
    """Memory for (rows, width, 3) values, in which the strips of an image are computed one after another.

    Asking for new memory in every step took four times as long as the arithmetic.
    """

    def __init__(self, rows: int, width: int) -> None:
        shape = (rows, width, 3)
        self.values, self.planes = np.empty((3, *shape), np.uint16), np.empty((5, *shape), np.int32)

    def summed_ssim(self, render: np.ndarray, reference: np.ndarray) -> float:
        """The sum of the SSIM of all whole windows of two (H, W, 3) uint8, H at most the strip's rows."""
        import cv2

        rows, inner = len(render), slice(EDGE_PX, len(render) - EDGE_PX)
        x, y, product = self.values[:, :rows]
        np.copyto(x, render)
        np.copyto(y, reference)
        sum_x, sum_y, covariance, unlike, alike = self.planes[:, :rows]
        _window_sums(x, sum_x)
        _window_sums(y, sum_y)
        _window_sums(np.multiply(x, y, product), covariance)
        x -= y  # modulo 2¹⁶, as its square, which is below that
        _window_sums(np.multiply(x, x, product), unlike)
        sum_x, sum_y, covariance, unlike, alike = self.planes[:, inner]
        np.multiply(sum_x, sum_y, alike)
        alike *= 2
        covariance *= 2 * N
        covariance -= alike
        apart = np.subtract(sum_x, sum_y, sum_x)
        apart *= apart
        unlike *= N
        unlike -= apart
        luminance, structure, most_luminance, most_structure = (
            plane.view(np.float32) for plane in (sum_y, alike, covariance, sum_x)
        )  # each over numbers that are no longer needed
        np.add(alike, C1, luminance, dtype=np.float32)
        np.add(covariance, C2, structure, dtype=np.float32)
        np.add(luminance, apart, most_luminance, dtype=np.float32)
        np.add(structure, unlike, most_structure, dtype=np.float32)
        luminance /= most_luminance
        structure /= most_structure
        luminance *= structure
        return sum(cv2.sumElems(luminance[:, EDGE_PX:-EDGE_PX]))  # in float64


def _window_sums(values: np.ndarray, sums: np.ndarray) -> None:
    """Sums of 7×7 px of one colour around every pixel: (H, W, 3) uint16 into (H, W, 3) int32."""
    import cv2

    cv2.boxFilter(values, cv2.CV_32S, (WINDOW_PX, WINDOW_PX), sums, normalize=False)


METRIC = Metric(
    name="ssim",
    title="SSIM",
    unit="ratio",
    higher_is_better=True,
    formula="ssim-skimage",
    needs=("reference",),
    per=FRAME_PAIR,
    compute=ssim,
    lowest=-1.0,
    highest=1.0,
    digits=4,
)
