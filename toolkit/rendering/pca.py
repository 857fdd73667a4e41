"""Synthesise: speech features → canonical mouth crops by ridge regression to principal components.

Nothing is random: the same video and the same features give the same crops. One adapter for every encoder:
five frames of its features, their 64 principal components, and a ridge whose strength is chosen on the last
15 % of the training frames.
"""

from dataclasses import dataclass

import numpy as np

from speechlip.format import CROP_SIZE
from speechlip.rendering.principal import BLOCK_ROWS, Principal, evenly, principal

CROP_COMPONENTS, FEATURE_COMPONENTS = 48, 64
CONTEXT_FRAMES = 5
LAMBDAS = tuple(10.0 ** (step / 2) for step in range(-2, 11))
"""0.1 to 100000; features have deviation 1."""
CHOSEN_ON = 0.15
"""Share of the training frames, the last ones, that λ is chosen on."""


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


@dataclass(frozen=True)
class Fitted:
    """What one encoder's features say of the crops.

    codes: (N, 48) float32 of all frames.
    strength: λ of the ridge.
    """

    codes: np.ndarray
    strength: float


def in_context(features: np.ndarray, frames: np.ndarray, width: int = CONTEXT_FRAMES) -> np.ndarray:
    """Features of some frames, each with its neighbours': (N, D) → (F, width · D); the ends are repeated.

    frames: (F,) int.

    >>> in_context(np.array([[1], [2], [3]]), np.array([0, 1, 2]), 3).tolist()
    [[1, 1, 2], [1, 2, 3], [2, 3, 3]]
    """
    reach = np.arange(width) - width // 2
    neighbours = (frames[:, None] + reach).clip(0, len(features) - 1)
    return features[neighbours].reshape(len(frames), -1)


def fit_codes(features: np.ndarray, codes: np.ndarray, train: np.ndarray) -> Fitted:
    """Learn codes from features on some frames, and say them of all.

    features: (N, D) float32, one row a frame.
    codes: (N, 48) of the true crops; those of other frames than ``train`` are not looked at.
    train: (T,) int, rising: the frames to learn from.
    """
    space = principal(in_context(features, evenly(train)), FEATURE_COMPONENTS)
    every = np.arange(len(features))
    blocks = (every[first : first + BLOCK_ROWS] for first in range(0, len(every), BLOCK_ROWS))
    inputs = np.concatenate([space.codes(in_context(features, block)) for block in blocks])
    inputs = inputs.astype(np.float64)
    mean, deviation = inputs[train].mean(axis=0), inputs[train].std(axis=0)
    inputs = (inputs - mean) / np.where(deviation > 0, deviation, 1)
    early = round(len(train) * (1 - CHOSEN_ON))
    strength = choose_strength(inputs[train], codes[train].astype(np.float64), early)
    weights, offset = ridge(inputs[train], codes[train].astype(np.float64), strength)
    return Fitted((inputs @ weights + offset).astype(np.float32), strength)


def choose_strength(inputs: np.ndarray, codes: np.ndarray, early: int) -> float:
    """The λ whose fit on the first ``early`` rows errs least on the others; of equal ones the largest."""
    errors = {}
    for strength in LAMBDAS:
        weights, offset = ridge(inputs[:early], codes[:early], strength)
        errors[strength] = float(np.mean((inputs[early:] @ weights + offset - codes[early:]) ** 2))
    return max(LAMBDAS, key=lambda strength: (-errors[strength], strength))


def ridge(inputs: np.ndarray, codes: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """(weights, offset) that minimise |inputs · weights + offset − codes|² + strength · |weights|².

    >>> weights, offset = ridge(np.array([[-1.0], [1.0]]), np.array([[1.0], [5.0]]), 2.0)
    >>> weights.tolist(), offset.tolist()
    ([[1.0]], [3.0])
    """
    middle, offset = inputs.mean(axis=0), codes.mean(axis=0)
    centred = inputs - middle
    square = centred.T @ centred + strength * np.eye(inputs.shape[1])
    weights = np.linalg.solve(square, centred.T @ (codes - offset))
    return weights, offset - middle @ weights
