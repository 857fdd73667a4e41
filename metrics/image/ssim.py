"""SSIM: structural similarity of a rendered image and the real one.

Goal: two images of one size → one number; a clip's value is the mean over its frames.
Conventions: images (H, W, 3) uint8 RGB, at least 7 px a side; SSIM in [−1, 1], higher is better.
Source: Wang et al. 2004, by scikit-image with its defaults (uniform 7×7 window). Function: ssim.
"""

import numpy as np

from speechlip.metrics.declared import FRAME_PAIR, Metric
from speechlip.metrics.image._checks import check_pair, check_size

WINDOW_PX = 7


def ssim(render: np.ndarray, reference: np.ndarray) -> float:
    """``structural_similarity(channel_axis=-1, data_range=255)`` of two (H, W, 3) uint8 images.

    Raises ValueError for images that do not match, NotScored for images smaller than the window of 7 px.

    >>> grey = np.full((8, 8, 3), 100, np.uint8)
    >>> round(ssim(grey + 50, grey), 4)
    0.9231
    """
    check_pair(render, reference)
    check_size(render, WINDOW_PX, "SSIM")
    from skimage.metrics import structural_similarity

    return float(structural_similarity(render, reference, channel_axis=-1, data_range=255))


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
