"""Where one shot ends and the next begins, found while the frames go by.

The measure is PySceneDetect's content value: the mean absolute difference of hue, saturation and value,
0–255. A frame begins a shot where that is

- at least 15, and at least 3 times the mean of the two frames before and after, as PySceneDetect's
  AdaptiveDetector has it, so that a moving camera is no cut; - and none of the three frames before resembles
  one of the three after, so that a flash, after which the same shot goes on, is no cut either.

An image of another size than the one before begins a shot too, since what is known of a face is in px.
"""

from collections import deque

import numpy as np

from speechlip.libraries import load

MIN_CONTENT = 15.0
MIN_RATIO = 3.0
WINDOW = 2
"""min_content_val, adaptive_threshold and window_width of PySceneDetect 0.6's AdaptiveDetector."""
LONG_SIDE = 64
"""px; frames are compared at this size: movement of a head changes little there, another image much."""
GRID = 2
"""Pixels of a coarse grid that are averaged to one, at least, along each side: averaging every pixel of a 4K
frame takes 10 ms (docs/decisions/shot-grid.md)."""
REACH = WINDOW + 1


class ShotDetector:
    """Shown every frame of a video with ``see``; ``cuts`` are the frames that begin a new shot."""

    def __init__(self) -> None:
        self._cv2 = load("cv2")
        self._frames: deque[tuple[int, np.ndarray]] = deque(maxlen=2 * REACH)
        self._cuts: list[int] = []
        self._shape: tuple[int, ...] | None = None

    def see(self, image: np.ndarray | None, index: int) -> None:
        """Take note of a frame; indices only rise.

        image: (H, W, 3) uint8 RGB; None where there is none, and the next is compared with the last one seen.
        """
        if image is None:
            return
        if self._shape not in (None, image.shape):
            self._settle_last()
            self._frames.clear()
            self._cuts.append(index)
        self._shape = image.shape
        self._frames.append((index, self._small(image)))
        if len(self._frames) > WINDOW + 1:
            self._settle(len(self._frames) - 1 - WINDOW)

    def cuts(self) -> list[int]:
        """First frames of all shots but the first. Call it once, after the last frame."""
        self._settle_last()
        return self._cuts

    def _settle_last(self) -> None:
        """Settle the frames that still wait for others which do not come."""
        for place in range(max(1, len(self._frames) - WINDOW), len(self._frames)):
            self._settle(place)

    def _small(self, image: np.ndarray) -> np.ndarray:
        cv2 = self._cv2
        step = max(1, max(image.shape[:2]) // (GRID * LONG_SIDE))
        scale = LONG_SIDE * step / max(image.shape[:2])
        grid = np.ascontiguousarray(image[::step, ::step])
        size = (
            max(1, round(image.shape[1] / step * scale)),
            max(1, round(image.shape[0] / step * scale)),
        )
        return cv2.cvtColor(cv2.resize(grid, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2HSV).astype(
            np.int16
        )

    def _settle(self, place: int) -> None:
        """Settle whether the frame at ``place`` of the frames kept begins a shot."""
        small = [frame for _, frame in self._frames]
        score = content(small[place - 1], small[place])
        if score < MIN_CONTENT:
            return
        others = [i for i in range(max(1, place - WINDOW), min(len(small), place + WINDOW + 1)) if i != place]
        neighbours = np.mean([content(small[i - 1], small[i]) for i in others]) if others else 0.0
        if score < MIN_RATIO * neighbours:
            return
        before, after = small[max(0, place - REACH) : place], small[place : place + REACH]
        if min(content(a, b) for a in before for b in after) >= MIN_CONTENT:
            self._cuts.append(self._frames[place][0])


def content(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of two HSV images, 0–255; images of different size differ most.

    >>> content(np.full((1, 1, 3), 10), np.full((1, 1, 3), 13))
    3.0
    """
    return float(np.abs(a - b).mean()) if a.shape == b.shape else 255.0
