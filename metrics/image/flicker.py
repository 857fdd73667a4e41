"""Flicker: how much brightness jumps from frame to frame and back.

Goal: three frames on end → how far the middle one is from between its neighbours; a clip's value is the mean.
Conventions: images (H, W, 3) uint8 RGB of one size; in levels of 0 … 255, lower is better, 0 for a still
image and for one that brightens evenly. Movement counts a little: read it beside the real video's, which
``score-sync gt/ --metrics flicker`` scores alike.
Source: ours; VBench (Huang et al., CVPR 2024) takes the difference of two frames on end, for still scenes
only: the second difference leaves steady movement out. Function: flicker.
"""

import numpy as np

from speechlip.metrics.declared import FRAMES, Metric


def flicker(before: np.ndarray, image: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute image − (before + after) / 2: (H, W, 3) uint8 RGB each.

    >>> dark, bright = np.full((2, 2, 3), 100, np.uint8), np.full((2, 2, 3), 104, np.uint8)
    >>> flicker(dark, bright, dark), flicker(dark, dark, bright)
    (4.0, 2.0)
    """
    import cv2

    between = cv2.addWeighted(before, 0.5, after, 0.5, 0, dtype=cv2.CV_32F)
    return float(np.mean(cv2.absdiff(between, image.astype(np.float32)), dtype=np.float64))


METRIC = Metric(
    name="flicker",
    title="flicker",
    unit="levels",
    higher_is_better=False,
    formula="flicker",
    needs=(),
    per=FRAMES,
    compute=flicker,
    highest=255.0,
)
