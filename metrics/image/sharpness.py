"""Sharpness: variance of the Laplacian of an image.

Goal: one image → one number; a clip's value is the mean over frames.
Conventions: images (H, W, 3) uint8 RGB; sharpness ≥ 0, higher is sharper, and so is noise. It depends on the
image's size and on what it shows: compare renders of one size with each other and with the real video, which
``score-sync gt/ --metrics sharpness`` scores alike.
Source: Pech-Pacheco et al., ICPR 2000; what papers print as VL. Luma of ITU-R 601, the kernel of four
neighbours, borders reflected (OpenCV's). Function: sharpness.
"""

import numpy as np

from speechlip.metrics.declared import FRAME, Metric
from speechlip.metrics.image._checks import check_size


def sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian of the luma: (H, W, 3) uint8 RGB. Raises NotScored: ``region too small``.

    >>> grey = np.full((9, 9, 3), 100, np.uint8)
    >>> grey[4, 4] += 81  # −4 · 81 there, 81 at four neighbours: 20 · 81² / 81
    >>> sharpness(grey)
    1620.0
    """
    check_size(image, 3, "sharpness")
    import cv2

    luma = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(luma, cv2.CV_64F).var())


METRIC = Metric(
    name="sharpness",
    title="sharpness (VL)",
    unit="",
    higher_is_better=True,
    formula="laplacian-variance",
    needs=(),
    per=FRAME,
    compute=sharpness,
    digits=1,
)
