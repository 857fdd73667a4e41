"""Soft painting over float32 layers: smooth curves, masks, and one way to lay colour over colour.

Coordinates are units: the frame is 256 × 256 units whatever its pixels, x to the right, y down. A layer is
(4, H, W) float32, planes red green blue alpha 0–255, premultiplied (planes: three times as fast in numpy as
pixels). ``up`` is pixels per unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

UNITS = 256
SUBPIXEL_BITS = 4  # OpenCV draws polygons on a grid of 1/16 pixel

Colour = tuple[float, float, float]


def cv2_module():
    """OpenCV. Raises OptionError where it cannot be imported."""
    try:
        import cv2
    except ImportError as error:
        from speechlip.errors import OptionError

        raise OptionError(
            f"rendering needs OpenCV ({error}): pip install opencv-python-headless, or install libgl1"
        ) from error
    return cv2


def spline(points: np.ndarray, closed: bool = True, steps: int = 8) -> np.ndarray:
    """Catmull-Rom curve through ``points`` (N, 2) → (M, 2)."""
    p = np.asarray(points, dtype=np.float64)
    index, t, t2, t3 = _spans(len(p), closed, steps)
    a, b, c, d = p[index].transpose(1, 0, 2)[:, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t2 + (3 * b - a - 3 * c + d) * t3)
    return np.concatenate([curve.reshape(-1, 2), p[:1] if closed else p[-1:]])


@cache
def _spans(n: int, closed: bool, steps: int) -> tuple[np.ndarray, ...]:
    """The four points around each span of a curve through ``n``, and the powers of the way along it."""
    index = np.arange(n if closed else n - 1)[:, None] + np.arange(-1, 3)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    return index % n if closed else index.clip(0, n - 1), t, t**2, t**3


def ellipse(cx: float, cy: float, rx: float, ry: float, turn: float = 0.0, steps: int = 40) -> np.ndarray:
    """Outline of an ellipse turned by ``turn`` radians → (steps, 2)."""
    cos, sin = _circle(steps)
    x, y = rx * cos, ry * sin
    return np.stack(
        [cx + x * np.cos(turn) - y * np.sin(turn), cy + x * np.sin(turn) + y * np.cos(turn)], axis=1
    )


@cache
def _circle(steps: int) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    return np.cos(t), np.sin(t)


def mirrored(points: np.ndarray, axis_x: float = UNITS / 2) -> np.ndarray:
    """The same points on the other side of the face, order reversed."""
    return np.stack([2 * axis_x - np.asarray(points)[:, 0], np.asarray(points)[:, 1]], axis=1)[::-1]


def shifted(points: np.ndarray | Sequence, x: float, y: float) -> np.ndarray:
    """Points (N, 2) or one point (2,) moved by x and y.

    >>> shifted([(1, 2), (3, 4)], 10, 0).tolist()
    [[11.0, 2.0], [13.0, 4.0]]
    """
    return np.asarray(points, dtype=np.float64) + np.array([x, y])


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """``share`` of b in a.

    >>> mix((0, 0, 0), (100, 200, 50), 0.5)
    (50.0, 100.0, 25.0)
    """
    red, green, blue = (x + (y - x) * share for x, y in zip(a, b, strict=True))
    return red, green, blue


@dataclass(frozen=True)
class Window:
    """A piece of the frame: its upper left corner in units, its size in pixels, pixels per unit."""

    x: float
    y: float
    width: int
    height: int
    up: float

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Units → fixed-point pixels as OpenCV wants them (a pixel's centre is its whole number)."""
        flat = (np.asarray(points) - (self.x, self.y)) * self.up - 0.5
        return np.round(flat * (1 << SUBPIXEL_BITS)).astype(np.int32)

    def mask(self, *outlines: np.ndarray, blur: float = 0.0) -> np.ndarray:
        """Filled outlines → (height, width) float32 0–1; ``blur`` in units."""
        cv2 = cv2_module()
        canvas = np.zeros((self.height, self.width), np.uint8)
        for outline in outlines:
            cv2.fillPoly(canvas, [self.pixels(outline)], 255, cv2.LINE_AA, SUBPIXEL_BITS)
        return self._soft(canvas, blur)

    def stroke(self, *lines: np.ndarray, width: float, blur: float = 0.0, closed: bool = False) -> np.ndarray:
        """Lines → (height, width) float32 0–1; ``width`` and ``blur`` in units."""
        cv2 = cv2_module()
        canvas = np.zeros((self.height, self.width), np.uint8)
        thick = max(1, round(width * self.up))
        cv2.polylines(
            canvas, [self.pixels(line) for line in lines], closed, 255, thick, cv2.LINE_AA, SUBPIXEL_BITS
        )
        return self._soft(canvas, blur)

    def _soft(self, canvas: np.ndarray, blur: float) -> np.ndarray:
        """Blurred around what is painted.

        The margin is twice as wide as OpenCV's kernel reaches (four standard deviations), so what the border
        mirrors is empty.
        """
        if blur <= 0:
            return canvas.astype(np.float32) / 255
        cv2, soft = cv2_module(), np.zeros(canvas.shape, np.float32)
        x, y, width, height = cv2.boundingRect(canvas)
        reach = 2 * (int(4 * blur * self.up) + 2)
        part = np.s_[max(0, y - reach) : y + height + reach, max(0, x - reach) : x + width + reach]
        soft[part] = cv2.GaussianBlur(canvas[part].astype(np.float32) / 255, (0, 0), blur * self.up)
        return soft

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Units of the pixel centres: x (1, width), y (height, 1) float32."""
        x = (np.arange(self.width, dtype=np.float32) + 0.5) / self.up + self.x
        y = (np.arange(self.height, dtype=np.float32) + 0.5) / self.up + self.y
        return x[None, :], y[:, None]

    def empty(self) -> np.ndarray:
        return np.zeros((4, self.height, self.width), np.float32)


def paint(
    layer: np.ndarray,
    mask: np.ndarray,
    colour: Colour | np.ndarray,
    strength: float = 1.0,
    clip: np.ndarray | None = None,
) -> None:
    """Lay ``colour`` over ``layer`` in place where ``mask`` × ``clip`` says.

    colour: one, or planes (3, H, W).
    strength: 0–1.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    cover = mask[part] * np.float32(strength)
    if clip is not None:
        cover *= clip[part]
    tint = np.asarray(colour, np.float32)
    tint = tint[:, None, None] if tint.ndim == 1 else tint[(slice(None), *part)]
    below = layer[(slice(None), *part)]
    below[:3] += (tint - below[:3]) * cover
    below[3] += (255 - below[3]) * cover


def over(layer: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Premultiplied ``layer`` (H, W, 4) over opaque ``below`` (H, W, 3), both uint8 → uint8."""
    cv2 = cv2_module()
    gap = cv2.cvtColor(255 - layer[..., 3], cv2.COLOR_GRAY2RGB)
    return cv2.add(layer[..., :3], cv2.multiply(below, gap, scale=1 / 255))


def pixels(layer: np.ndarray) -> np.ndarray:
    """Planes (4, H, W) float32 → pixels (H, W, 4) uint8."""
    return np.ascontiguousarray((layer + 0.5).astype(np.uint8).transpose(1, 2, 0))


def planes(image: np.ndarray) -> np.ndarray:
    """Pixels (H, W, 4) uint8 → planes (4, H, W) float32."""
    return np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)


def ramp(values: np.ndarray, start: float, stop: float) -> np.ndarray:
    """Smoothstep: 0 at ``start``, 1 at ``stop``.

    >>> ramp(np.array([0.0, 5.0, 10.0]), 0, 10).tolist()
    [0.0, 0.5, 1.0]
    """
    t = np.clip((values - start) / (stop - start), 0, 1)
    return t * t * (3 - 2 * t)
