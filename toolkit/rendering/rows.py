"""What is rendered: the rows that are always there, and two for each encoder."""

from dataclasses import dataclass

import numpy as np

from speechlip.errors import OptionError
from speechlip.exporting.job import label_of
from speechlip.format import CROP_SIZE
from speechlip.rendering.pca import LipSpace, fit_codes

GROUND_TRUTH, RESAMPLED, MEAN_CROP, ORACLE = "ground-truth", "resampled", "mean-crop", "pca-oracle"
MEANINGS = {
    GROUND_TRUTH: "the person's own frames",
    RESAMPLED: "true crops, cut out and pasted back: the most that this mapping allows",
    ORACLE: "true crops by their 48 principal components: the most that this renderer allows",
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


def rows_of(encoders: tuple[str, ...]) -> list[RowName]:
    """All rows in the order of the table.

    Raises OptionError for no encoder, or two rows of one name.

    >>> [row.name for row in rows_of(("log-mel",))][-2:]
    ['log-mel', 'log-mel-shuffled']
    """
    if not encoders:
        raise OptionError("no encoder named; take one or more of those of export-features: --encoder log-mel")
    rows = [RowName(name) for name in MEANINGS]
    for encoder in encoders:
        label = label_of(encoder)
        if label in {row.name for row in rows}:
            raise OptionError(
                f"two rows would be called {label!r}; leave one out, or rename the run's folder"
            )
        rows += [RowName(label, encoder), RowName(label + SHUFFLED, encoder, shuffled=True)]
    return rows


def plain_crops(row: RowName, crops: np.ndarray, space: LipSpace) -> np.ndarray | None:
    """Crops of a row that hears nothing: (T, 96, 96, 3) uint8; None where the frames stay as they are.

    crops: of the test frames, true ones.
    """
    if row.name == GROUND_TRUTH:
        return None
    if row.name == RESAMPLED:
        return crops
    if row.name == ORACLE:
        return space.crops(space.codes(crops))
    return np.broadcast_to(space.mean_crop, (len(crops), CROP_SIZE, CROP_SIZE, 3))


def heard_codes(
    features: np.ndarray, codes: np.ndarray, train: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Codes of the test frames by right audio and by audio of other times, and the ridge's λ.

    features: (N, D) of all frames.
    codes: (N, 48) of the true crops.
    train: frames to learn from.
    first: number of the first test frame.

    The other times are half of the test part away, so that the lips move as much as they should, but at wrong
    times.
    """
    fitted = fit_codes(features, codes, train)
    test = fitted.codes[first:]
    return test, np.roll(test, len(test) // 2, axis=0), fitted.strength
