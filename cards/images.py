"""The images of a dataset card, in ``card/``: length of clips, width of faces, how well in sync, what a crop
shows.

A crop is shown on the reference face of ``faces.landmarks``, never on a person: a card can be read by more
people than the data.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.cards.chart import (
    HEIGHT,
    INK,
    LINE,
    MARK,
    SOFT,
    Shape,
    as_png,
    blank,
    histogram,
    measured,
    number,
    with_shapes,
    with_words,
)
from speechlip.faces.crops import MOUTH_PRESETS, PRESETS, crop_size, plan_crop
from speechlip.faces.detectors.sidecar import face_box
from speechlip.faces.landmarks import mean_face
from speechlip.files.writing import whole_file
from speechlip.format import IMAGES_FOLDER, LIP_ROWS
from speechlip.records import FaceTrack
from speechlip.shards.ledger import LedgerRow
from speechlip.timing import seconds

CROP = "crop.png"
CONTOURS = (
    *(range(start, stop) for start, stop in ((0, 17), (17, 22), (22, 27), (27, 31), (31, 36))),
    *([*range(start, stop), start] for start, stop in ((36, 42), (42, 48), (48, 60), (60, 68))),
)
"""Lines through the 68 points: jaw, brows, nose, eyes, lips."""


@dataclass(frozen=True)
class Distribution:
    """One of the images.

    name: of its file, without ending.
    title: as a heading.
    unit: of the values.
    least_step: the narrowest bin, in the unit.
    values: all of them.
    """

    name: str
    title: str
    unit: str
    least_step: float
    values: tuple[float, ...]

    @property
    def path(self) -> str:
        return f"{IMAGES_FOLDER}/{self.name}.png"

    def words(self) -> str:
        """The image in words.

        >>> Distribution("x", "Clip length", "s", 0.5, (1.0, 2.0, 4.0)).words()
        'median 2 s, from 1 to 4 s, of 3'
        """
        middle = measured(float(np.median(self.values)), self.unit)
        return (
            f"median {middle}, from {number(min(self.values))} to {measured(max(self.values), self.unit)}, "
            f"of {len(self.values)}"
        )


def distributions(rows: Iterable[LedgerRow]) -> list[Distribution]:
    """What the ledger measured: of every clip its length and the width of its face; of every kept track
    confidence and offset, where judged.
    """
    lengths_s: list[float] = []
    widths_px: list[float] = []
    confidences: list[float] = []
    offsets: list[float] = []
    for row in rows:
        lengths_s += map(seconds, row.clip_frames)
        widths_px += row.face_widths_px
        for verdict in row.sync:
            if verdict.refusal or verdict.confidence is None:
                continue
            confidences.append(verdict.confidence)
            if verdict.offset_frames is not None:
                offsets.append(verdict.offset_frames)
    every = [
        Distribution("clip-length", "Clip length", "s", 0.5, tuple(lengths_s)),
        Distribution("face-width", "Face width in the source", "px", 10, tuple(widths_px)),
        Distribution("sync-confidence", "Sync confidence of kept tracks", "", 0.5, tuple(confidences)),
        Distribution("sync-offset", "Offset of kept tracks, as it came", "frames", 1, tuple(offsets)),
    ]
    return [each for each in every if each.values]


def write_images(folder: Path, shown: Sequence[Distribution], preset: str) -> None:
    """Write the images of these distributions and of the crop preset below ``folder``, and remove images of
    earlier cards.
    """
    (folder / IMAGES_FOLDER).mkdir(exist_ok=True)
    images = {each.path: histogram(each.values, each.unit, each.least_step) for each in shown}
    if preset in PRESETS:
        images[f"{IMAGES_FOLDER}/{CROP}"] = crop_image(preset)
    for path in (folder / IMAGES_FOLDER).glob("*.png"):
        if f"{IMAGES_FOLDER}/{path.name}" not in images:
            path.unlink()
    for name, content in images.items():
        with whole_file(folder / name) as file:
            file.write(content)


def crop_image(preset: str) -> bytes:
    """A PNG: the crop's place on the reference face, and beside it the crop; of a mouth, with the rows that
    the lip network reads.
    """
    face, size = mean_face(), crop_size(preset)
    track = FaceTrack(
        0, face_box(face)[None], np.ones(1, np.float32), np.zeros(1, bool), face[None].astype(np.float32)
    )
    affine = plan_crop(track, preset).affines[0].astype(np.float64)
    corners = (np.array([(0, 0), (size, 0), (size, size), (0, size), (0, 0)]) - affine[:, 2]) @ np.linalg.inv(
        affine[:, :2]
    ).T
    low = np.minimum(face.min(0), corners.min(0))
    scale = (HEIGHT - 24) / (np.maximum(face.max(0), corners.max(0)) - low)[1]
    left, side = HEIGHT + 24, HEIGHT - 56
    zoomed = (face @ affine[:, :2].T + affine[:, 2]) * side / size + (left, 12)
    shapes: list[Shape] = [("line", SOFT, face_line) for face_line in lines((face - low) * scale + 12)]
    shapes.append(("line", MARK, (corners - low) * scale + 12))
    said = f"{preset}, {size} × {size}"
    if preset in MOUTH_PRESETS:
        first, last = (12 + row * side / size for row in LIP_ROWS)
        shapes.append(("shape", LINE, box(left, first, side, last - first)))
        said = f"{preset}; grey: rows {LIP_ROWS[0]} to {LIP_ROWS[1] - 1} of {size}"
    shapes += [("line", INK, line) for line in lines(zoomed, inside=(left, 12, side))] + [
        ("line", MARK, box(left, 12, side, side))
    ]
    words = [(left + side / 2, HEIGHT - 20, "mm", SOFT, said)]
    return as_png(with_words(with_shapes(blank(), shapes), words))


def lines(points: np.ndarray, inside: tuple[float, float, float] | None = None) -> list[np.ndarray]:
    """The contours of a face; with ``inside``, a square (x, y, side), only those that lie in it."""
    contours = [points[list(contour)] for contour in CONTOURS]
    if inside is None:
        return contours
    x, y, side = inside
    return [line for line in contours if (line >= (x, y)).all() and (line <= (x + side, y + side)).all()]


def box(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
