"""Compose: a canonical mouth crop pasted back into its frame, with a feathered edge."""

import numpy as np

from speechlip.faces.cutting import region
from speechlip.format import CROP_SIZE
from speechlip.libraries import load

FEATHER_PX = 8
"""Of the crop: how far from its edge the crop is mixed with the frame."""


def feathered_mask(size: int = CROP_SIZE, feather_px: float = FEATHER_PX) -> np.ndarray:
    """How much of the crop is shown: (size, size) float32, 0 at its edge, 1 from ``feather_px`` inwards.

    >>> [round(float(share), 2) for share in feathered_mask(6, 2)[2]]
    [0.15, 0.85, 1.0, 1.0, 0.85, 0.15]
    """
    inwards = np.minimum(np.arange(size) + 0.5, size - np.arange(size) - 0.5)
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.minimum(inwards / feather_px, 1))).astype(np.float32)
    return np.minimum(ramp[:, None], ramp[None])


MASK = feathered_mask()


def paste(image: np.ndarray, crop: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """A copy of a frame with a crop in its place.

    image: (H, W, 3) uint8.
    crop: (96, 96, 3) uint8.
    affine: (2, 3), frame px → crop px.
    """
    cv2 = load("cv2")
    x0, y0, x1, y1 = region(affine, image.shape[1], image.shape[0])
    matrix = affine.astype(np.float64)
    # cv2 counts pixel centres as whole numbers, half a pixel off on both sides
    matrix[:, 2] += matrix[:, :2] @ (x0 + 0.5, y0 + 0.5) - 0.5
    size, how = (x1 - x0, y1 - y0), cv2.WARP_INVERSE_MAP
    lips = cv2.warpAffine(crop, matrix, size, flags=how | cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(MASK, matrix, size, flags=how | cv2.INTER_LINEAR)[..., None]
    pasted = image.copy()
    mixed = share * lips + (1 - share) * image[y0:y1, x0:x1]
    pasted[y0:y1, x0:x1] = np.rint(mixed).astype(np.uint8)
    return pasted
