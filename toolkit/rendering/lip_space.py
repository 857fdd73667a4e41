"""Mouth crops as codes of 48 principal components, and back."""

from dataclasses import dataclass

import numpy as np

from speechlip.format import CROP_SIZE
from speechlip.rendering.principal import Principal

CROP_COMPONENTS = 48


@dataclass(frozen=True)
class LipSpace:
    """The principal components of a person's training crops."""

    space: Principal

    def codes(self, crops: np.ndarray) -> np.ndarray:
        """(N, 96, 96, 3) uint8 → (N, 48) float32."""
        return self.space.codes(crops)

    def crops(self, codes: np.ndarray) -> np.ndarray:
        """(N, 48) → (N, 96, 96, 3) uint8."""
        pixels = np.rint(np.clip(self.space.rows(codes), 0, 255)).astype(np.uint8)
        return pixels.reshape(len(codes), CROP_SIZE, CROP_SIZE, 3)

    @property
    def mean_crop(self) -> np.ndarray:
        """(96, 96, 3) uint8."""
        return np.asarray(self.crops(np.zeros((1, len(self.space.axes))))[0])
