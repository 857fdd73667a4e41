"""Harms of whole frames: (T, H, W, 3) uint8 RGB in, as many frames out.

Functions: blurred, held, smaller.
"""

import numpy as np

from speechlip.judging.harms.material import Material
from speechlip.timing import FPS


def blurred(material: Material, sigma_px: float) -> np.ndarray:
    """Each frame under a Gaussian of standard deviation ``sigma_px``."""
    import cv2

    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma_px) for image in material.images])


def held(material: Material, fps: float) -> np.ndarray:
    """A lower frame rate: still 25 frames a second, each the last that ``fps`` a second would show."""
    shown = np.floor(np.arange(len(material.images)) * fps / FPS + 1e-9)
    first = np.ceil(shown * FPS / fps - 1e-9).astype(int)
    return material.images[first]


def smaller(material: Material, factor: float) -> np.ndarray:
    """Frames of ``factor`` times the height and width, even numbers of px."""
    import cv2

    height, width = material.images.shape[1:3]
    size = tuple(max(2, round(side * factor) // 2 * 2) for side in (width, height))
    return np.stack([cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in material.images])
