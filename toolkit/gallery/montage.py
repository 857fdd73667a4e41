"""An image for a README: one row of mouths a clip, in their own pixels, or of faces made smaller; the
spectrogram under them on one time axis.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from speechlip.files.writing import whole_file
from speechlip.format import CROP_SIZE
from speechlip.gallery.clips import GalleryClip
from speechlip.gallery.images import coloured, levels, resized

ROWS, MOUTHS = 8, 12
SPECTRUM_HEIGHT, GAP = 48, 8
ROW_HEIGHT = CROP_SIZE + SPECTRUM_HEIGHT


@dataclass
class Montage:
    """Collects rows while clips go by: new speakers before others, so that eight rows show up to eight of
    them.

    new: rows of speakers that were not there yet.
    more: other rows.
    speakers: names of all that went by.
    """

    new: list[np.ndarray] = field(default_factory=list)
    more: list[np.ndarray] = field(default_factory=list)
    speakers: set[str] = field(default_factory=set)

    def collected(self, clips: Iterable[GalleryClip]) -> Iterator[GalleryClip]:
        """The clips, of each of which a row is collected as it goes by."""
        for clip in clips:
            self.add(clip)
            yield clip

    def add(self, clip: GalleryClip) -> None:
        speaker = clip.sample.meta.speaker
        rows = self.more if speaker in self.speakers else self.new
        self.speakers.add(speaker)
        if len(rows) < ROWS:
            rows.append(row_of(clip))

    def image(self) -> np.ndarray:
        """(152 R − 8, 1152, 3) uint8 of R ≤ 8 clips; white between them."""
        rows = (self.new + self.more)[:ROWS]
        gap = np.full((GAP, MOUTHS * CROP_SIZE, 3), 255, np.uint8)
        return np.concatenate([part for row in rows for part in (gap, row)][1:])

    def write(self, path: Path) -> None:
        """Write the PNG. Raises WriteError where it cannot be written."""
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(self.image()).save(buffer, "PNG", optimize=True)
        with whole_file(path) as file:
            file.write(buffer.getvalue())


def row_of(clip: GalleryClip) -> np.ndarray:
    """(144, 1152, 3) uint8: twelve crops, evenly spaced in the clip, and its spectrogram below."""
    lips, spectrogram = clip.sample.lips, clip.sample.spectrogram
    assert lips is not None and spectrogram is not None
    mouths = np.concatenate([resized(lips[index], CROP_SIZE) for index in middles(len(lips))], axis=1)
    return np.concatenate([mouths, coloured(levels(spectrogram), mouths.shape[1], SPECTRUM_HEIGHT)])


def middles(n_frames: int) -> list[int]:
    """The frames at the middles of twelve equal stretches.

    >>> middles(24)
    [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23]
    """
    return [(2 * place + 1) * n_frames // (2 * MOUTHS) for place in range(MOUTHS)]
