"""What image metrics ask of their images before they compute anything. Functions: check_pair, check_size."""

import numpy as np

from speechlip.metrics.declared import NotScored


def check_pair(render: np.ndarray, reference: np.ndarray) -> None:
    """Raise ValueError unless both are (H, W, 3) uint8 images of one size.

    >>> check_pair(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))
    Traceback (most recent call last):
    ValueError: two (H, W, 3) uint8 images of one size are wanted, got (4, 4, 3) uint8 and (4, 5, 3) uint8
    """
    coloured = render.ndim == 3 and render.shape[2] == 3
    eight_bit = {render.dtype, reference.dtype} == {np.dtype(np.uint8)}
    if render.shape != reference.shape or not coloured or not eight_bit:
        got = " and ".join(f"{image.shape} {image.dtype}" for image in (render, reference))
        raise ValueError(f"two (H, W, 3) uint8 images of one size are wanted, got {got}")


def check_size(image: np.ndarray, least_px: int, title: str) -> None:
    """Raise NotScored (``region too small``) where a side is under ``least_px``. title: of the metric."""
    height, width = image.shape[:2]
    if min(height, width) < least_px:
        raise NotScored(
            "region too small",
            f"{title} wants at least {least_px} px a side, the region has {width}×{height}",
        )
