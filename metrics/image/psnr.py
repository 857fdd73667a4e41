"""PSNR: peak signal-to-noise ratio of a rendered image and the real one.

Goal: two images of one size → one number in dB; a clip's value is the mean of its frames' dB.
Conventions: images (H, W, 3) uint8 RGB; PSNR in [0, 100] dB, higher is better.
Source: over RGB in [0, 1], mean of the frames' dB (RAD-NeRF line); 100 dB for equal images (Speech2Lip
``inference.py``). Function: psnr.
"""

import numpy as np

from speechlip.metrics.declared import FRAME_PAIR, Metric
from speechlip.metrics.image._checks import check_pair

PSNR_OF_EQUAL_DB = 100.0


def psnr(render: np.ndarray, reference: np.ndarray) -> float:
    """``10 log10(255² / mean squared error)`` of two (H, W, 3) uint8 images, in dB, 100 at most.

    Raises ValueError for images that do not match.

    >>> grey = np.full((4, 4, 3), 100, np.uint8)
    >>> round(psnr(grey + 5, grey), 2), psnr(grey, grey)
    (34.15, 100.0)
    """
    check_pair(render, reference)
    import cv2

    # whole numbers: OpenCV's sum may have been a root in between
    squared_error = round(cv2.norm(render, reference, cv2.NORM_L2SQR))
    if not squared_error:
        return PSNR_OF_EQUAL_DB
    return min(PSNR_OF_EQUAL_DB, float(10 * np.log10(255**2 / (squared_error / render.size))))


METRIC = Metric(
    name="psnr",
    title="PSNR",
    unit="dB",
    higher_is_better=True,
    formula="psnr-rgb",
    needs=("reference",),
    per=FRAME_PAIR,
    compute=psnr,
    highest=PSNR_OF_EQUAL_DB,
    digits=2,
)
