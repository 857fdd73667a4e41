"""How a stored image becomes the displayed one: its pixels made square, mirrored, turned (docs/images.md)."""

import math
import struct
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from speechlip.media.images.colours import Colours, colours_of
from speechlip.media.streams.corrected import Correction
from speechlip.media.streams.stamps import MAX_REORDER

NEARLY_SQUARE = Fraction(1, 500)
"""Ratios in files are rounded: 853 × 480 as 16:9 is 1280:1279."""
WIDEST = 4
"""DVCPRO HD has 3:2, anamorphic DV 64:33; beyond that a header is damaged."""
NEARLY_RIGHT_DEG = 1.0
"""Fixed-point numbers miss a right angle by far less; more is said."""
SHAPES_TOLD = 8
"""Shapes of a file that are told; a stream that adapts to its line comes back to few."""
MATRIX = struct.Struct("=9i")
"""FFmpeg's display matrix: a b u c d v x y w, in 16.16, the third of each row in 2.30."""
UNTURNED = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


@dataclass(frozen=True)
class Geometry:
    """Size of a stored image, and what is done to it, in this order.

    stored_width, stored_height: px.
    pixel_aspect: width of a stored pixel over its height. The image's width becomes ``stored_width *
        pixel_aspect``, its lines stay.
    mirrored: left and right are exchanged.
    rotation_deg: 0, 90, 180 or 270, clockwise.
    """

    stored_width: int
    stored_height: int
    pixel_aspect: Fraction = Fraction(1)
    mirrored: bool = False
    rotation_deg: int = 0

    @property
    def square_width(self) -> int:
        """Width of the stored image in px once its pixels are square.

        >>> Geometry(1440, 1080, Fraction(4, 3)).square_width, Geometry(720, 480, Fraction(8, 9)).square_width
        (1920, 640)
        """
        return max(1, round(self.stored_width * self.pixel_aspect))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as displayed."""
        sides = self.square_width, self.stored_height
        return sides if self.rotation_deg % 180 == 0 else (sides[1], sides[0])

    def upright(self, pixels: np.ndarray) -> np.ndarray:
        """(stored_height, square_width, 3) → (H, W, 3) as displayed."""
        if not self.mirrored and not self.rotation_deg:
            return pixels
        turned = np.rot90(pixels[:, ::-1] if self.mirrored else pixels, -self.rotation_deg // 90)
        return np.ascontiguousarray(turned)

    def changes(self) -> list[str]:
        """What is done to the stored image, as sentences.

        >>> Geometry(720, 576, Fraction(16, 15), True, 180).changes()
        ['pixels 16:15 → square', 'mirrored by the display matrix', 'rotation 180°']
        """
        aspect = self.pixel_aspect
        stretched = [f"pixels {aspect.numerator}:{aspect.denominator} → square"] if aspect != 1 else []
        mirrored = ["mirrored by the display matrix"] if self.mirrored else []
        return [*stretched, *mirrored, *([f"rotation {self.rotation_deg}°"] if self.rotation_deg else [])]


@dataclass(frozen=True)
class Orientation:
    """What a display matrix asks for.

    mirrored: left and right are exchanged, first.
    rotation_deg: then turned clockwise by this multiple of 90.
    off_deg: how far the matrix is from that.
    stretch: how much wider than high it draws a stored pixel, 1 where it does not.
    """

    mirrored: bool = False
    rotation_deg: int = 0
    off_deg: float = 0.0
    stretch: Fraction = Fraction(1)


@lru_cache(maxsize=64)
def orientation(matrix: tuple[int, ...]) -> Orientation:
    """Read a display matrix: a stored pixel (x, y) is shown at (a x + c y, b x + d y), y downwards.

    The translation does not matter. A matrix that draws nothing (determinant 0) counts as none.

    >>> orientation((0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30))
    Orientation(mirrored=False, rotation_deg=90, off_deg=0.0, stretch=Fraction(1, 1))
    >>> orientation((65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30))  # upside down, left and right as they were
    Orientation(mirrored=True, rotation_deg=180, off_deg=0.0, stretch=Fraction(1, 1))
    """
    a, b, _, c, d, *_ = matrix
    determinant = a * d - b * c
    if not determinant:
        return Orientation()
    mirrored = determinant < 0
    along = (-a, -b) if mirrored else (a, b)  # where the stored image's rows run to, once it is mirrored
    angle_deg = math.degrees(math.atan2(along[1], along[0]) + math.atan2(-c, d)) / 2
    if abs(math.atan2(along[1], along[0]) - math.atan2(-c, d)) > math.pi:
        angle_deg += 180
    rotation_deg = round(angle_deg / 90) * 90
    across, down = math.hypot(a, b), math.hypot(c, d)
    stretch = Fraction(across / down).limit_denominator(1000)
    return Orientation(mirrored, rotation_deg % 360, round(abs(angle_deg - rotation_deg), 1), stretch)


def display_matrix(frame: Any) -> tuple[int, ...]:
    """Display matrix of a decoded frame, from the container or from the stream itself."""
    found = frame.side_data.get("DISPLAYMATRIX")
    return MATRIX.unpack(bytes(found)) if found is not None and found.buffer_size >= MATRIX.size else UNTURNED


class Geometries:
    """Geometry of each frame of a stream while it is decoded, in the order of display.

    A pixel aspect that the container states holds for the whole stream, as FFmpeg has it. Where it states
    none but the stream's, the decoder's holds. That changes with a new sequence header: from the next key
    frame on, since the frames that come out before were waiting for their turn.
    """

    def __init__(self, stream: Any) -> None:
        self._codec = stream.codec_context
        declared, own = stream.sample_aspect_ratio, self._codec.sample_aspect_ratio
        self._fixed = declared if declared and declared != own else None
        self._aspect, self._next = own or Fraction(1), own or Fraction(1)
        self._size: tuple[int, int] | None = None
        self._waited = 0

    def of(self, frame: Any) -> Geometry:
        turned = orientation(display_matrix(frame))
        aspect = self._aspect_of(frame)
        if abs(turned.stretch - 1) > Fraction(
            1, 100
        ):  # the mov demuxer gives it as the aspect, along the displayed axes
            aspect = (self._codec.sample_aspect_ratio or 1) * turned.stretch
        return Geometry(frame.width, frame.height, believed(aspect), turned.mirrored, turned.rotation_deg)

    def _aspect_of(self, frame: Any) -> Fraction:
        if self._fixed:
            return self._fixed
        size, now = (frame.width, frame.height), self._codec.sample_aspect_ratio or Fraction(1)
        self._waited = self._waited + 1 if now == self._next else 0
        if size != self._size or (frame.key_frame and now != self._aspect) or self._waited > MAX_REORDER:
            self._aspect = now
        self._size, self._next = size, now
        return self._aspect


def believed(aspect: Fraction) -> Fraction:
    """A pixel aspect as it is used: 1 where it is nearly that, and where no camera has such pixels.

    >>> believed(Fraction(1280, 1279)), believed(Fraction(4, 3)), believed(Fraction(400))
    (Fraction(1, 1), Fraction(4, 3), Fraction(1, 1))
    """
    sane = Fraction(1, WIDEST) <= aspect <= WIDEST and abs(aspect - 1) > NEARLY_SQUARE
    return Fraction(aspect) if sane else Fraction(1)


def doubts(stream: Any, frame: Any) -> list[str]:
    """Sentences on what the file says of its geometry and reading does not follow."""
    aspect, turned = stream.sample_aspect_ratio or Fraction(1), orientation(display_matrix(frame))
    wild = not Fraction(1, WIDEST) <= aspect <= WIDEST
    told = (
        [f"pixels {aspect.numerator}:{aspect.denominator} are no camera's: taken as square"] if wild else []
    )
    if turned.off_deg > NEARLY_RIGHT_DEG:
        told.append(f"display matrix {turned.off_deg:g}° off a right angle: taken as {turned.rotation_deg}°")
    return told


class Changes:
    """Notes in a tally where a file changes its shape or colours, and where interlacing begins.

    interlaced: whether its first image is.
    """

    def __init__(self, tally: Counter, interlaced: bool) -> None:
        self._tally, self._told, self._interlaced = tally, set[Geometry](), interlaced
        self._colours: set[Colours] = set()

    def begin_later(self, stored: Geometry, colours: Colours, geometry: Geometry) -> None:
        """Let the first frame that is seen be one in the middle of the file.

        stored, colours: of the file's first image; its stored width may be off by rounding.
        geometry: of that frame.
        """
        same = (stored.size, stored.changes()) == (geometry.size, geometry.changes())
        self._told.add(geometry if same else stored)
        self._colours.add(colours)

    def see(self, frame: Any, geometry: Geometry, at_s: float) -> None:
        """Take note of the frame on display at ``at_s`` seconds."""
        if frame.interlaced_frame and not self._interlaced:
            self._tally[Correction(f"interlaced from {at_s:.2f} s on: fields are left as they are")] += 1
            self._interlaced = True
        if (colours := colours_of(frame)) not in self._colours:
            if self._colours:
                self._tally[Correction(f"from {at_s:.2f} s on {colours.change() or 'SDR'}")] += 1
            self._colours.add(colours)
        if geometry in self._told or len(self._told) >= SHAPES_TOLD:
            return
        if self._told:
            what = ", ".join(["{}×{}".format(*geometry.size), *geometry.changes()])
            self._tally[Correction(f"from {at_s:.2f} s on {what}")] += 1
        self._told.add(geometry)
