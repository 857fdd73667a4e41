"""What a mapping is: it takes the head's movement out of a mouth, and gives it back."""

from typing import Protocol

import numpy as np


class Mapping(Protocol):
    """Between the frames of one person and canonical crops."""

    def cut(self, image: np.ndarray, number: int) -> np.ndarray:
        """The canonical crop of a frame: (96, 96, 3) uint8.

        image: (H, W, 3) uint8 RGB.
        number: of the frame, one in which the face is followed.
        """

    def paste(self, image: np.ndarray, crop: np.ndarray, number: int) -> np.ndarray:
        """A copy of the frame with a crop in its place, feathered at its edge: (H, W, 3) uint8."""
