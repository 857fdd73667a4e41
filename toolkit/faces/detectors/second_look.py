"""Faces that a look at the whole frame misses, searched for in parts of it.

MediaPipe's detector sees an image at 128 px and misses faces under about a tenth of it. So, where the whole
frame gives none, the surroundings of the last face are looked at, else overlapping square tiles
(docs/decisions/small-faces.md).
"""

from collections.abc import Callable, Iterator

import numpy as np

from speechlip.faces.detectors.mesh import Mesh

LOOK_EVERY, LOOK_SELDOM = 5, 40
"""Frames between two searches of the tiles while no face is in sight: 0.2 s at first, doubled each time up to
1.6 s."""
FOLLOW, FORGET_FRAMES = 3.0, 12
"""A face that the first look misses is looked for in a region of three face sizes around its last place, for
so many frames."""
SMALLEST_TILE = 200
"""px; in a smaller tile only faces would be new that are too small for lips (under 20 px)."""

Part = tuple[int, int, int, int]
"""``x0 y0 x1 y1`` px of the frame."""


class SecondLook:
    """Remembers the last face of one video, and when to search its frames again.

    look: gives the faces of an image, (H, W, 3) uint8 RGB, in its pixels.
    """

    def __init__(self, look: Callable[[np.ndarray], list[Mesh]]) -> None:
        self._look = look
        self._last: Mesh | None = None
        self._last_index, self._next_search, self._pause = 0, 0, LOOK_EVERY

    def find(self, image: np.ndarray, index: int) -> list[Mesh]:
        """Faces of frame ``index``, in which the first look found none."""
        return self._near_the_last(image, index) or self._in_tiles(image, index)

    def remember(self, faces: list[Mesh], index: int) -> None:
        """Take note of what was found in frame ``index``, by the first look or by this one."""
        if faces:
            self._last, self._last_index = largest(faces), index
            self._next_search, self._pause = index + LOOK_EVERY, LOOK_EVERY

    def _near_the_last(self, image: np.ndarray, index: int) -> list[Mesh]:
        if self._last is None or index - self._last_index > FORGET_FRAMES:
            return []
        return self._look_at(image, around(self._last.box, image.shape))

    def _in_tiles(self, image: np.ndarray, index: int) -> list[Mesh]:
        """Faces of the first tile that has one, seen again with what surrounds them: the tile may cut
        them."""
        if index < self._next_search:
            return []
        self._next_search, self._pause = index + self._pause, min(2 * self._pause, LOOK_SELDOM)
        for tile in tiles(image.shape):
            if faces := self._look_at(image, tile):
                return self._look_at(image, around(largest(faces).box, image.shape)) or faces
        return []

    def _look_at(self, image: np.ndarray, part: Part) -> list[Mesh]:
        x0, y0, x1, y1 = part
        return [mesh.moved(x0, y0) for mesh in self._look(image[y0:y1, x0:x1])]


def largest(faces: list[Mesh]) -> Mesh:
    return max(faces, key=lambda mesh: mesh.area)


def tiles(shape: tuple[int, ...]) -> Iterator[Part]:
    """Square regions of half, then of a quarter of the frame's longer side; neighbours overlap by half.

    In a tile of half the longer side a face may be half as large as in the whole frame and still be found: 5
    % of it, then 2.5 %. No tile is under 200 px.

    >>> list(tiles((256, 454, 3)))[:3]
    [(0, 0, 227, 227), (113, 0, 340, 227), (227, 0, 454, 227)]
    >>> list(tiles((256, 454, 3)))[3:]
    [(0, 29, 227, 256), (113, 29, 340, 256), (227, 29, 454, 256)]
    """
    height, width = shape[:2]
    for parts in (2, 4):
        side = max(height, width) // parts
        if side < SMALLEST_TILE:
            return
        for y in starts(height, side):
            for x in starts(width, side):
                yield x, y, min(x + side, width), min(y + side, height)


def starts(length: int, side: int) -> list[int]:
    """Evenly spaced starts of stretches of ``side`` that cover ``length`` and overlap by half or more.

    >>> starts(454, 227), starts(200, 227)
    ([0, 113, 227], [0])
    """
    room = max(0, length - side)
    count = -(-2 * room // side)
    return [room * i // count for i in range(count + 1)] if count else [0]


def around(box: np.ndarray, shape: tuple[int, ...]) -> Part:
    """The square region of three face sizes around ``box``, inside the frame."""
    x0, y0, x1, y1 = box.tolist()
    half = FOLLOW * max(x1 - x0, y1 - y0) / 2
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return (
        max(0, int(x - half)),
        max(0, int(y - half)),
        min(shape[1], int(x + half) + 1),
        min(shape[0], int(y + half) + 1),
    )
