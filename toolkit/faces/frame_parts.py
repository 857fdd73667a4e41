"""Parts of frames at native size, kept while a video goes by, so that it need not be decoded again.

What will be cut out of a frame is known only once its whole track is. A detected face says nearly where: the
part around it is kept, and whoever cuts is told whether it reaches far enough.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from speechlip.faces.cutting import cut_region, region
from speechlip.format import CROP_SIZE
from speechlip.records import Face


@dataclass(frozen=True)
class Part:
    """A part of a frame.

    corner: (x, y) of its upper left corner in the frame, px.
    pixels: (h, w, 3) uint8 RGB.
    """

    corner: tuple[int, int]
    pixels: np.ndarray

    def holds(self, x0: int, y0: int, x1: int, y1: int) -> bool:
        """Whether this region of the frame lies in the part."""
        (x, y), (height, width) = self.corner, self.pixels.shape[:2]
        return x <= x0 and y <= y0 and x1 <= x + width and y1 <= y + height


@dataclass(frozen=True)
class FrameParts:
    """The parts of one frame that crops can be cut from, and its audio.

    index: number of the frame at 25 frames/s.
    size: (width, height) of the frame in px.
    parts: the whole frame, surroundings of mouths, or none.
    samples: (640,) int16, or None.
    """

    index: int
    size: tuple[int, int]
    parts: tuple[Part, ...]
    samples: np.ndarray | None

    @property
    def n_bytes(self) -> int:
        audio = 0 if self.samples is None else self.samples.nbytes
        return audio + sum(part.pixels.nbytes for part in self.parts)

    def has(self, affine: np.ndarray, size: int = CROP_SIZE) -> bool:
        """Whether a part has all pixels of this crop of ``size`` px."""
        return self.inside(*region(affine, *self.size, size)) is not None

    def cut(self, affine: np.ndarray, size: int = CROP_SIZE) -> np.ndarray | None:
        """The crop, (size, size, 3) uint8, as ``cutting.cut`` of the whole frame gives it; None without its
        pixels."""
        box = region(affine, *self.size, size)
        pixels = self.inside(*box)
        return None if pixels is None else cut_region(pixels, affine, box[:2], size)

    def inside(self, x0: int, y0: int, x1: int, y1: int) -> np.ndarray | None:
        """This region of the frame, without a copy; None without its pixels."""
        for part in self.parts:
            if part.holds(x0, y0, x1, y1):
                x, y = part.corner
                return part.pixels[y0 - y : y1 - y, x0 - x : x1 - x]
        return None


def whole_frame(index: int, image: np.ndarray | None, samples: np.ndarray | None) -> FrameParts:
    """A frame as its own only part; without parts where there is no image."""
    if image is None:
        return FrameParts(index, (0, 0), (), samples)
    return FrameParts(index, (image.shape[1], image.shape[0]), (Part((0, 0), image),), samples)


@dataclass(frozen=True)
class Margins:
    """How far a part reaches from the middle of a face's box, in shares of the box's longer side.

    across: to the left and to the right.
    up, down: upwards and downwards.
    """

    across: float
    up: float
    down: float


def around(faces: Iterable[Face], margins: Margins) -> list[np.ndarray]:
    """The surroundings of faces, (4,) x0 y0 x1 y1 px each.

    >>> (box,) = around([Face(np.array([10, 20, 30, 60]), 1.0)], Margins(across=0.5, up=0.5, down=1.0))
    >>> box.tolist()
    [0.0, 20.0, 40.0, 80.0]
    """
    reach = np.array([-margins.across, -margins.up, margins.across, margins.down])
    boxes = (face.box.astype(np.float64) for face in faces)
    return [np.tile((box[:2] + box[2:]) / 2, 2) + (box[2:] - box[:2]).max() * reach for box in boxes]


def parts_of(
    index: int, image: np.ndarray, boxes: Iterable[np.ndarray], samples: np.ndarray | None = None
) -> FrameParts:
    """Copies of what boxes show of a frame.

    image: (H, W, 3) uint8 RGB.
    boxes: (4,) x0 y0 x1 y1 px; what lies outside the frame is left out.
    """
    height, width = image.shape[:2]
    parts = []
    for box in boxes:
        x0, y0 = (int(max(0, np.floor(corner))) for corner in box[:2])
        x1, y1 = (int(min(side, np.ceil(end))) for side, end in zip((width, height), box[2:], strict=True))
        if x0 < x1 and y0 < y1:
            parts.append(Part((x0, y0), image[y0:y1, x0:x1].copy()))
    return FrameParts(index, (width, height), tuple(parts), samples)
