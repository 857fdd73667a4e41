"""What is rendered: the rows that are always there, and two for each encoder."""

from dataclasses import dataclass

import numpy as np

from speechlip.errors import OptionError
from speechlip.exporting.job import label_of
from speechlip.format import CROP_SIZE
from speechlip.rendering.material import Material

GROUND_TRUTH, RESAMPLED, MEAN_CROP = "ground-truth", "resampled", "mean-crop"
ORACLES = ("pca-oracle",)
"""The row of each renderer that shows the most it can do."""
MEANINGS = {
    GROUND_TRUTH: "the person's own frames",
    RESAMPLED: "true crops, cut out and pasted back: the most that this mapping allows",
    "pca-oracle": "true crops by their 48 principal components: the most that this renderer allows",
    MEAN_CROP: "the mean training crop in every frame: what no encoder may fall below",
}
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
            return MEANINGS[self.name]
        driven = "the same renderer, driven by audio of other times" if self.shuffled else "driven by speech"
        return f"{self.encoder}: {driven}"


def rows_of(encoders: tuple[str, ...], oracle: str = ORACLES[0]) -> list[RowName]:
    """All rows in the order of the table.

    oracle: name of the row that shows the most the renderer can do.

    Raises OptionError for no encoder, or two rows of one name.

    >>> [row.name for row in rows_of(("log-mel",))][-2:]
    ['log-mel', 'log-mel-shuffled']
    """
    if not encoders:
        raise OptionError("no encoder named; take one or more of those of export-features: --encoder log-mel")
    rows = [RowName(name) for name in MEANINGS if name == oracle or name not in ORACLES]
    for encoder in encoders:
        label = label_of(encoder)
        if label in {row.name for row in rows}:
            raise OptionError(
                f"two rows would be called {label!r}; leave one out, or rename the run's folder"
            )
        rows += [RowName(label, encoder), RowName(label + SHUFFLED, encoder, shuffled=True)]
    return rows


def plain_crops(row: RowName, material: Material) -> np.ndarray | None:
    """Test crops of a row that no renderer makes: (T, 96, 96, 3) uint8.

    None where the frames stay as they are.
    """
    crops = material.test_crops
    if row.name == GROUND_TRUTH:
        return None
    if row.name == RESAMPLED:
        return crops
    return np.broadcast_to(material.space.mean_crop, (len(crops), CROP_SIZE, CROP_SIZE, 3))
