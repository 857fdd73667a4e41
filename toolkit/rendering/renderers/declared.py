"""What a renderer is: it learns the crops of a person from features, and says those of the test frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from speechlip.progress import Progress
from speechlip.rendering.material import Material


@dataclass(frozen=True)
class Heard:
    """Crops of the T frames that are rendered, by one encoder's features.

    right: (T, 96, 96, 3) uint8, by right audio.
    shuffled: the same, by audio of half of them away: lips move as much, at wrong times.
    strength: λ of a ridge; None for a renderer that has none.
    train_psnr: dB, of crops that it has learned from; None where it is not measured.
    """

    right: np.ndarray
    shuffled: np.ndarray
    strength: float | None = None
    train_psnr: float | None = None


class Renderer(Protocol):
    """One way from features to crops, the same for every encoder.

    name: as users give it.
    oracle: name of the row that shows the most it can do.
    """

    name: str
    oracle: str

    def stated(self) -> dict[str, Any]:
        """Name and options, as tables state them: ``renderer`` first."""

    def facts(self) -> dict[str, Any]:
        """What its crops depend on beside features and person; empty for what earlier releases had."""

    def hear(
        self, features: np.ndarray, material: Material, first: int, kept: Path, progress: Progress
    ) -> Heard:
        """Learn from the training frames, and say the crops of the last ones.

        features: (N, D) float32 of all of the person's frames and maybe those of another recording behind
            them, z-scored on the training part.
        first: row of ``features`` from which on crops are wanted: the test part's, or the other recording's.
        kept: a folder for what a run that is stopped goes on from; it may not be there.

        Raises ModelError, OptionError and SourceRefused where it cannot.
        """

    def best(self, material: Material, kept: Path, progress: Progress) -> np.ndarray:
        """(T, 96, 96, 3) uint8: the test frames by this renderer if it knew the true crops."""
