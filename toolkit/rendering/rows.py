"""What is rendered: the rows that are always there, and two for each encoder."""

from dataclasses import dataclass

import numpy as np

from speechlip.errors import OptionError
from speechlip.exporting.job import label_of
from speechlip.format import CROP_SIZE
from speechlip.rendering.material import Material

GROUND_TRUTH, RESAMPLED, MEAN_CROP = "ground-truth", "resampled", "mean-crop"
ORACLES = ("pca-oracle", "implicit-oracle")
"""The row of each renderer that shows the most it can do."""
MEANINGS = {
    GROUND_TRUTH: "the person's own frames",
    RESAMPLED: "true crops, cut out and pasted back: the most that this mapping allows",
    "pca-oracle": "true crops by their 48 principal components: the most that this renderer allows",
    "implicit-oracle": "the network, driven by 48 components of the true crops: the most that it allows",
    MEAN_CROP: "the mean training crop in every frame: what no encoder may fall below",
}
OWN_FRAMES = "own-frames"
DRIVEN = {
    OWN_FRAMES: "the person's own frames under this audio: lips that say something else",
    MEAN_CROP: MEANINGS[MEAN_CROP],
}
"""The same, where other audio drives the lips and nobody knows the true ones."""
"""Name → what it is, of the rows that hear nothing, best first."""
SHUFFLED = "-shuffled"
"""Ending of the row that is driven by audio of other times."""


@dataclass(frozen=True)
class RowName:
    """One row.

    name: of its folder and in every table.
    encoder: as it was given; empty for a row that hears nothing.
    shuffled: driven by audio of other times.
    """

    name: str
    encoder: str = ""
    shuffled: bool = False

    @property
    def meaning(self) -> str:
        """In words."""
        if not self.encoder:
            return (DRIVEN | MEANINGS)[self.name]
        driven = "the same renderer, driven by audio of other times" if self.shuffled else "driven by speech"
        return driven if self.encoder == self.name else f"{self.encoder}: {driven}"


def rows_of(encoders: tuple[str, ...], oracle: str = ORACLES[0], driven: bool = False) -> list[RowName]:
    """All rows in the order of the table.

    oracle: name of the row that shows the most the renderer can do.
    driven: by other audio, so that there are no true lips.

    Raises OptionError for no encoder, or two rows of one name.

    >>> [row.name for row in rows_of(("log-mel",))][-2:]
    ['log-mel', 'log-mel-shuffled']
    """
    if not encoders:
        raise OptionError("no encoder named; take one or more of those of export-features: --encoder log-mel")
    plain = DRIVEN if driven else MEANINGS
    rows = [RowName(name) for name in plain if name == oracle or name not in ORACLES]
    for encoder in encoders:
        label = label_of(encoder)
        if label in {row.name for row in rows}:
            raise OptionError(
                f"two rows would be called {label!r}; leave one out, or rename the run's folder"
            )
        rows += [RowName(label, encoder), RowName(label + SHUFFLED, encoder, shuffled=True)]
    return rows


def plain_crops(row: RowName, material: Material, frames: int) -> np.ndarray | None:
    """Crops of a row that no renderer makes: (T, 96, 96, 3) uint8 of T frames.

    None where the frames stay as they are.
    """
    if row.name in (GROUND_TRUTH, OWN_FRAMES):
        return None
    if row.name == RESAMPLED:
        return material.test_crops
    return np.broadcast_to(material.space.mean_crop, (frames, CROP_SIZE, CROP_SIZE, 3))
