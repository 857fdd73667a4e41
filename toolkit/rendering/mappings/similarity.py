"""Place, size and roll: one similarity a frame."""

from dataclasses import dataclass

import numpy as np

from speechlip.faces.cutting import cut
from speechlip.rendering.paste import paste


@dataclass(frozen=True)
class SimilarityMapping:
    """Crops by affines.

    affines: (N, 2, 3) float64, frame px → crop px.
    """

    affines: np.ndarray

    def cut(self, image: np.ndarray, number: int) -> np.ndarray:
        """By the frame's affine, as crops of shards are cut."""
        return cut(image, self.affines[number])

    def paste(self, image: np.ndarray, crop: np.ndarray, number: int) -> np.ndarray:
        """By the inverse of the frame's affine."""
        return paste(image, crop, self.affines[number])
