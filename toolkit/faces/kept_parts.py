"""Parts of frames at native size, kept while a video goes by, so that it need not be read again.

What will be cut out of a frame is known only once its whole track is. A detected box says nearly where: the
part around it is kept, and later stages ask whether theirs lies inside.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from speechlip.records import Face

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class KeptPart:
    """A part of one frame.

    x0, y0: its upper left corner in the frame, px.
    pixels: (h, w, 3) uint8 RGB, a copy.
    """

    x0: int
    y0: int
    pixels: np.ndarray

    def inside(self, box: Box) -> np.ndarray | None:
        """The pixels of ``box`` (x0 y0 x1 y1 of the frame), without a copy; None where it reaches further.

        >>> part = KeptPart(10, 20, np.zeros((30, 40, 3), np.uint8))
        >>> part.inside((12, 20, 50, 25)).shape, part.inside((9, 20, 50, 25))
        ((5, 38, 3), None)
        """
        x0, y0, x1, y1 = box[0] - self.x0, box[1] - self.y0, box[2] - self.x0, box[3] - self.y0
        height, width = self.pixels.shape[:2]
        return self.pixels[y0:y1, x0:x1] if 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height else None


class KeptParts:
    """Parts of a video's frames, by index of the frame."""

    def __init__(self) -> None:
        self._parts: dict[int, list[KeptPart]] = {}
        self._sizes: dict[int, tuple[int, int]] = {}

    def keep(self, index: int, image: np.ndarray, boxes: Iterable[np.ndarray]) -> None:
        """Keep a copy of what the boxes show of a frame. image: (H, W, 3); boxes: (4,) x0 y0 x1 y1 px."""
        height, width = image.shape[:2]
        self._sizes[index] = width, height
        for box in boxes:
            x0, y0 = (int(max(0, np.floor(corner))) for corner in box[:2])
            x1, y1 = (
                int(min(side, np.ceil(end))) for side, end in zip((width, height), box[2:], strict=True)
            )
            if x0 < x1 and y0 < y1:
                self._parts.setdefault(index, []).append(KeptPart(x0, y0, image[y0:y1, x0:x1].copy()))

    def size(self, index: int) -> tuple[int, int] | None:
        """(width, height) in px of the frame, None where nothing of it was kept."""
        return self._sizes.get(index)

    def inside(self, index: int, box: Box) -> np.ndarray | None:
        """What ``box`` (whole px) shows of a frame; None where that was not kept."""
        shown = (part.inside(box) for part in self._parts.get(index, ()))
        return next((pixels for pixels in shown if pixels is not None), None)


def around(faces: Iterable[Face], grown: float) -> list[np.ndarray]:
    """The faces' boxes, grown on all sides by a share of their longer side.

    >>> around([Face(np.array([10, 20, 30, 60]), 1.0)], 0.5)
    [array([-10.,   0.,  50.,  80.])]
    """
    boxes = [face.box.astype(np.float64) for face in faces]
    return [box + grown * (box[2:] - box[:2]).max() * np.array([-1, -1, 1, 1]) for box in boxes]
