"""Hair: eight styles as outlines, and the strands and shine that any outline gets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.recipes._synthetic.identity import Identity
from speechlip.recipes._synthetic.paint import UNITS, Window, ellipse, mirrored, mix, paint, ramp, spline

CX = UNITS / 2
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Hair:
    """Outlines in units.

    back: behind face and ears.
    front: over the forehead.
    nape: behind the neck; it does not move with the head.
    """

    back: tuple[np.ndarray, ...]
    front: tuple[np.ndarray, ...]
    nape: tuple[np.ndarray, ...] = ()


def both_sides(right: Points) -> np.ndarray:
    """A closed symmetric curve from its right half, top to bottom."""
    points = np.array(right, dtype=float)
    return spline(np.concatenate([points, mirrored(points)]))


def cap(who: Identity, top: float, side: float, low: float) -> list[tuple[float, float]]:
    """Right half of the hair over the skull: top middle to the lowest point beside the ear."""
    edge = CX + who.cheek + side
    return [(CX + 4, top), (CX + 30, top + 7), (edge - 6, top + 30), (edge, 88), (edge - 4, low)]


def fringe(who: Identity, top: float, side: float, low: float, line: Points) -> np.ndarray:
    """Cap above a hairline given from right to left."""
    right = np.array(cap(who, top, side, low))
    outline = np.concatenate([mirrored(right), right])
    return np.concatenate([spline(outline, closed=False), spline(np.array(line), closed=False)])


def hairline(
    who: Identity, middle: float, temple: float, low: float, part: float = 0.0
) -> list[tuple[float, float]]:
    """From the right sideburn over the forehead to the left; ``part`` moves the highest point sideways."""
    edge = who.cheek - 1.5
    right = [(CX + edge, low), (CX + edge - 3, 96), (CX + edge - 9 + part * 0.2, temple)]
    left = [(CX - edge + 9 + part * 0.2, temple), (CX - edge + 3, 96), (CX - edge, low)]
    return [*right, (CX + part + 14, middle + 1), (CX + part, middle), (CX + part - 14, middle + 2), *left]


def locks(who: Identity, outer: Points, inner: Points) -> tuple[np.ndarray, np.ndarray]:
    """Hair beside the face, right and left; given from the right ear down outside and back up inside."""
    lock = spline(np.array([*outer, *inner]))
    return lock, mirrored(lock)


def hair(who: Identity, rng: np.random.Generator) -> Hair:
    """Outlines of ``who``'s style."""
    return STYLES[who.hair_style](who, rng)


def _crop(who, rng) -> Hair:
    line = hairline(who, 63, 74, 108)
    return Hair((both_sides(cap(who, 36, 2, 106)),), (fringe(who, 35, 0, 108, line),))


def _side(who, rng) -> Hair:
    swoop = [
        (CX + who.cheek - 1, 112),
        (CX + 44, 88),
        (CX + 26, 80),
        (CX, 77),
        (CX - 20, 66),
        (CX - 30, 60),
        (CX - 40, 76),
        (CX - who.cheek + 2, 112),
    ]
    return Hair((both_sides(cap(who, 34, 3, 106)),), (fringe(who, 31, 1, 108, swoop),))


def _quiff(who, rng) -> Hair:
    line = hairline(who, 61, 71, 106)
    top = spline(
        np.array(
            [
                (CX - 46, 66),
                (CX - 40, 40),
                (CX - 10, 22),
                (CX + 26, 20),
                (CX + 46, 36),
                (CX + 46, 64),
                (CX + 20, 70),
                (CX - 20, 70),
            ]
        )
    )
    return Hair((both_sides(cap(who, 40, 1, 106)),), (fringe(who, 40, -1, 106, line), top))


def _bun(who, rng) -> Hair:
    line = hairline(who, 59, 71, 103)
    bun = ellipse(CX, 27, 21, 17)
    return Hair((bun, both_sides(cap(who, 38, 1, 104))), (fringe(who, 38, -1, 103, line),))


def _bob(who, rng) -> Hair:
    edge = who.cheek
    sides = locks(
        who,
        [(CX + 20, 44), (CX + edge + 8, 90), (CX + edge + 13, 140), (CX + edge + 8, 178)],
        [(CX + edge - 12, 182), (CX + edge - 8, 140), (CX + edge - 5, 100)],
    )
    bangs = [
        (CX + edge - 3, 112),
        (CX + edge - 8, 94),
        (CX + 26, 87),
        (CX, 85),
        (CX - 26, 87),
        (CX - edge + 8, 94),
        (CX - edge + 3, 112),
    ]
    nape = spline(np.array([(CX - edge, 120), (CX + edge, 120), (CX + edge - 6, 184), (CX - edge + 6, 184)]))
    return Hair((both_sides(cap(who, 33, 10, 150)),), (*sides, fringe(who, 32, 9, 116, bangs)), (nape,))


def _long(who, rng) -> Hair:
    edge = who.cheek
    curtain = [
        (CX + edge - 2, 124),
        (CX + edge - 7, 96),
        (CX + 30, 76),
        (CX + 3, 58),
        (CX - 3, 58),
        (CX - 30, 76),
        (CX - edge + 7, 96),
        (CX - edge + 2, 124),
    ]
    outer = [
        (CX + 24, 42),
        (CX + edge + 8, 90),
        (CX + edge + 14, 150),
        (CX + edge + 18, 214),
        (CX + edge + 4, 250),
    ]
    sides = locks(
        who, outer, [(CX + edge - 18, 240), (CX + edge - 15, 190), (CX + edge - 5, 150), (CX + edge - 4, 104)]
    )
    nape = spline(
        np.array([(CX - edge - 6, 110), (CX + edge + 6, 110), (CX + edge + 8, 236), (CX - edge - 8, 236)])
    )
    return Hair((both_sides(cap(who, 32, 9, 150)),), (*sides, fringe(who, 32, 9, 126, curtain)), (nape,))


def _waves(who, rng) -> Hair:
    edge = who.cheek
    part = [
        (CX + edge - 2, 118),
        (CX + edge - 6, 96),
        (CX + 32, 82),
        (CX + 6, 70),
        (CX - 16, 58),
        (CX - 34, 74),
        (CX - edge + 7, 96),
        (CX - edge + 2, 118),
    ]
    outer = [
        (CX + 22, 42),
        (CX + edge + 9, 84),
        (CX + edge + 8, 112),
        (CX + edge + 17, 140),
        (CX + edge + 10, 168),
        (CX + edge + 16, 196),
        (CX + edge + 2, 212),
    ]
    sides = locks(
        who,
        outer,
        [
            (CX + edge - 14, 204),
            (CX + edge - 6, 180),
            (CX + edge - 12, 160),
            (CX + edge - 2, 136),
            (CX + edge - 5, 104),
        ],
    )
    nape = spline(np.array([(CX - edge, 110), (CX + edge, 110), (CX + edge + 2, 206), (CX - edge - 2, 206)]))
    return Hair((both_sides(cap(who, 31, 10, 150)),), (*sides, fringe(who, 30, 10, 120, part)), (nape,))


def _curls(who, rng) -> Hair:
    turns = np.linspace(np.pi * 0.98, np.pi * 2.02, 15)
    rim = [
        ellipse(
            CX + (who.cheek + 6) * np.cos(t),
            88 + 48 * np.sin(t) + rng.uniform(-2, 2),
            *rng.uniform(13, 17, 2),
        )
        for t in turns
    ]
    low = [ellipse(CX + side * (who.cheek + 7), y, 12, 12) for side in (-1, 1) for y in (104, 122)]
    front = [
        ellipse(CX + x, 66 + 0.006 * x * x + rng.uniform(-2, 2), *rng.uniform(9, 12, 2))
        for x in np.linspace(-40, 40, 9)
    ]
    return Hair(
        (both_sides(cap(who, 36, 6, 112)), *rim, *low),
        (fringe(who, 38, 3, 96, hairline(who, 68, 74, 96)), *front, *rim[2:-2]),
    )


STYLES = {
    "crop": _crop,
    "side": _side,
    "quiff": _quiff,
    "bun": _bun,
    "bob": _bob,
    "long": _long,
    "waves": _waves,
    "curls": _curls,
}


def paint_hair(
    layer: np.ndarray,
    window: Window,
    who: Identity,
    outlines: tuple[np.ndarray, ...],
    rng: np.random.Generator,
    shade: float,
) -> np.ndarray:
    """Fill the outlines, with strands, shine and a soft dark rim, in place → the mask (H, W).

    shade: how much all of it is darkened, 0–1.
    """
    base = mix(who.hair, (20, 14, 22), shade)
    mask = window.mask(*outlines, blur=0.15)
    paint(layer, mask, base)
    x, y = window.grid()
    rim = 1 - window.mask(*outlines, blur=4.0)
    paint(layer, rim, mix(base, (16, 10, 18), 0.6), 0.7, mask)
    for colour, strength in ((mix(base, (255, 240, 220), 0.35), 0.35), (mix(base, (10, 6, 12), 0.5), 0.35)):
        paint(layer, window.stroke(*_strands(who, rng), width=0.9, blur=0.5), colour, strength, mask)
    shine = np.exp(-(((np.hypot((x - CX - 10 * who.light) / 1.05, y - 100) - 53) / 5.5) ** 2)) * (
        1 - ramp(y, 56, 92)
    )
    paint(layer, shine.astype(np.float32), mix(base, (255, 244, 226), 0.6), 0.42 * (1 - shade), mask)
    return mask


def _strands(who: Identity, rng: np.random.Generator) -> list[np.ndarray]:
    if who.hair_style == "curls":
        return [
            ellipse(CX + rng.uniform(-62, 62), rng.uniform(28, 130), *rng.uniform(3, 7, 2))[:26]
            for _ in range(70)
        ]
    strands = []
    for _ in range(46):
        reach, root = rng.uniform(-1, 1), CX + rng.uniform(-6, 6)
        wave = rng.uniform(-4, 4)
        path = [
            (root + reach * 6, 30),
            (root + reach * 36, 44),
            (CX + reach * 60, 86),
            (CX + reach * 64 + wave, 150),
            (CX + reach * 62 - wave, 240),
        ]
        strands.append(spline(np.array(path) + rng.normal(0, 1.5, (5, 2)), closed=False))
    return strands
