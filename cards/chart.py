"""Small images for cards, made by Pillow alone: quick beside a plotting library, and the same bytes on every
machine.

Shapes are painted at twice their size and averaged down; letters are Pillow's own, of whatever release.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

PAPER, INK, SOFT, LINE, BAR, MARK = "#ffffff", "#1b2330", "#596474", "#e0e4ea", "#5f9db3", "#b4530a"
WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 24, 616, 44, 244
LETTERS = 21
OVERSAMPLING = 2
LEAST_BINS, MAX_BINS = 6, 24
STEPS = (1, 2, 5)
Shape = tuple[str, str, Any]
Words = tuple[float, float, str, str, str]


@dataclass(frozen=True)
class Bins:
    """Counts of values in bins of one width: bin i holds [first + i · step, first + (i + 1) · step)."""

    first: float
    step: float
    counts: tuple[int, ...]

    @property
    def last(self) -> float:
        return self.first + self.step * len(self.counts)

    def x(self, value: float) -> float:
        """Where a value stands in the image, px."""
        return LEFT + (RIGHT - LEFT) * (value - self.first) / (self.last - self.first)


def binned(values: Sequence[float], least_step: float) -> Bins:
    """Values in 6 to 24 bins whose width is 1, 2 or 5 times a power of ten, and not below ``least_step``.

    None begins below 0 where no value is.

    >>> binned([0.5, 1.0, 1.5, 9.9], 1)
    Bins(first=0.0, step=1.0, counts=(1, 2, 0, 0, 0, 0, 0, 0, 0, 1))
    """
    low, high = min(values), max(values)
    step = nice_step(max(least_step, (high - low) / (MAX_BINS - 1)))
    places = np.floor(np.asarray(values) / step).astype(int)
    spare = max(0, LEAST_BINS - 1 - int(places.max() - places.min())) // 2
    first = int(places.min()) - (spare if low < 0 else min(spare, int(places.min())))
    counts = np.bincount(places - first, minlength=LEAST_BINS)
    return Bins(first * step, step, tuple(counts.tolist()))


def nice_step(least: float) -> float:
    """The least of 1, 2, 5, 10, 20 … and their tenths that is ``least`` or more.

    >>> nice_step(0.3), nice_step(1), nice_step(21)
    (0.5, 1.0, 50.0)
    """
    power = math.floor(math.log10(least))
    wanted = next(factor for factor in (*STEPS, 10, 20) if factor * 10.0**power >= least * (1 - 1e-9))
    return float(f"{wanted}e{power}")


def histogram(values: Sequence[float], unit: str, least_step: float) -> bytes:
    """A PNG: how many of ``values`` lie where, with their median marked.

    Whole numbers stand under the middle of their bar.
    """
    bins = binned(values, least_step)
    shift = 0.5 if bins.step == 1 and all(isinstance(value, int) for value in values) else 0.0
    peak, middle = max(bins.counts), float(np.median(values))
    shapes: list[Shape] = [("box", BAR, bar) for bar in bars(bins) if bar[1] < BOTTOM]
    shapes += [("line", LINE, [(LEFT, BOTTOM), (RIGHT, BOTTOM)])]
    shapes += [("line", MARK, [(bins.x(middle + shift), TOP), (bins.x(middle + shift), BOTTOM)])]
    words: list[Words] = [
        (LEFT, 20, "lm", SOFT, f"bars of {measured(bins.step, unit)}, the tallest {peak}"),
        (RIGHT, 20, "rm", MARK, f"median {measured(middle, unit)}"),
    ]
    words += [
        (bins.x(value + shift), BOTTOM + 22, "mm", SOFT, number(value)) for value in labels(bins, shift)
    ]
    return as_png(with_words(with_shapes(blank(), shapes), words))


def bars(bins: Bins) -> list[tuple[float, float, float, float]]:
    """x0 y0 x1 y1 of every bar, a gap of two px between neighbours."""
    height = (BOTTOM - TOP) / max(bins.counts)
    edges = [bins.x(bins.first + place * bins.step) for place in range(len(bins.counts) + 1)]
    return [
        (left + 1, BOTTOM - height * count, right - 1, BOTTOM)
        for left, right, count in zip(edges, edges[1:], bins.counts, strict=False)
    ]


def labels(bins: Bins, shift: float) -> list[float]:
    """Where numbers stand on the axis: at most eight, at multiples of a round number."""
    step = nice_step(max(bins.step, (bins.last - bins.first) / 7))
    first = math.ceil(bins.first / step - 1e-9)
    return [place * step for place in range(first, math.floor((bins.last - shift) / step + 1e-9) + 1)]


def measured(value: float, unit: str) -> str:
    """A number with its unit.

    >>> measured(0.5, "s"), measured(1, "frames"), measured(7.25, "")
    ('0.5 s', '1 frame', '7.25')
    """
    return f"{number(value)} {'frame' if unit == 'frames' and value == 1 else unit}".strip()


def number(value: float) -> str:
    """A number in as few digits as tell it.

    >>> number(3.0), number(3.14159), number(1234.5)
    ('3', '3.14', '1234')
    """
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def blank() -> "Image.Image":
    from PIL import Image

    return Image.new("RGB", (WIDTH, HEIGHT), PAPER)


def with_shapes(image: "Image.Image", shapes: Sequence[Shape], width: float = 2.0) -> "Image.Image":
    """The image with (``box`` | ``line`` | ``shape``, colour, points) on it, edges smooth."""
    from PIL import Image, ImageDraw

    large = image.resize((image.width * OVERSAMPLING, image.height * OVERSAMPLING), Image.Resampling.NEAREST)
    pencil = ImageDraw.Draw(large)
    for kind, colour, points in shapes:
        scaled = [round(value * OVERSAMPLING) for value in np.ravel(points).tolist()]
        if kind == "box":
            pencil.rectangle(scaled, fill=colour)
        elif kind == "shape":
            pencil.polygon(scaled, fill=colour)
        else:
            pencil.line(scaled, fill=colour, width=round(width * OVERSAMPLING), joint="curve")
    return large.resize(image.size, Image.Resampling.BOX)


def with_words(image: "Image.Image", words: Sequence[Words]) -> "Image.Image":
    """The image with (x, y, anchor, colour, text) on it."""
    from PIL import ImageDraw, ImageFont

    pencil, font = ImageDraw.Draw(image), ImageFont.load_default(LETTERS)
    for x, y, anchor, colour, text in words:
        pencil.text((x, y), text, fill=colour, font=font, anchor=anchor)
    return image


def as_png(image: "Image.Image") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
