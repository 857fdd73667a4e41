"""Synthesise: speech features → canonical mouth crops by ridge regression to principal components.

Nothing is random: the same video and the same features give the same crops. One adapter for every encoder:
five frames of its features, their 64 principal components, and a ridge whose strength is chosen on the last
15 % of the training frames.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.progress import Progress
from speechlip.rendering.features import in_context
from speechlip.rendering.material import Material
from speechlip.rendering.principal import BLOCK_ROWS, evenly, principal
from speechlip.rendering.renderers.declared import Heard

FEATURE_COMPONENTS = 64
LAMBDAS = tuple(10.0 ** (step / 2) for step in range(-2, 11))
"""0.1 to 100000; features have deviation 1."""
CHOSEN_ON = 0.15
"""Share of the training frames, the last ones, that λ is chosen on."""


class PcaRenderer:
    """Ridge regression to the 48 principal components of the training crops."""

    name, oracle = "pca", "pca-oracle"

    def stated(self) -> dict[str, Any]:
        """Its name; it has no options."""
        return {"renderer": self.name}

    def facts(self) -> dict[str, Any]:
        """Nothing: neither options nor a seed."""
        return {}

    def hear(
        self, features: np.ndarray, material: Material, first: int, kept: Path, progress: Progress
    ) -> Heard:
        """A ridge from five frames of features to the codes of crops."""
        fitted = fit_codes(features, material.codes, material.train)
        test = fitted.codes[first:]
        right, shuffled = (
            material.space.crops(codes) for codes in (test, np.roll(test, len(test) // 2, axis=0))
        )
        return Heard(right, shuffled, fitted.strength)

    def best(self, material: Material, kept: Path, progress: Progress) -> np.ndarray:
        """The true crops by their own codes."""
        return material.space.crops(material.space.codes(material.test_crops))


@dataclass(frozen=True)
class Fitted:
    """What one encoder's features say of the crops.

    codes: (N, 48) float32 of all frames.
    strength: λ of the ridge.
    """

    codes: np.ndarray
    strength: float


def fit_codes(features: np.ndarray, codes: np.ndarray, train: np.ndarray) -> Fitted:
    """Learn codes from features on some frames, and say them of all.

    features: (N, D) float32, one row a frame.
    codes: (N', 48) of the true crops; those of other frames than ``train`` are not looked at.
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
