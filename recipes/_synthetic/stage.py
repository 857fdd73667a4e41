"""What stays still behind the head: the wall, the neck, the clothes."""

from collections.abc import Sequence

import numpy as np

from speechlip.recipes._synthetic.identity import Identity
from speechlip.recipes._synthetic.paint import (
    UNITS,
    Colour,
    Window,
    ellipse,
    mirrored,
    mix,
    paint,
    ramp,
    shifted,
    spline,
)

CX = UNITS / 2


def paint_backdrop(layer: np.ndarray, window: Window, who: Identity, rng: np.random.Generator) -> None:
    """A plain wall with something friendly on it."""
    above, below = who.backdrop_colours
    x, y = window.grid()
    wall = ramp(y + 0 * x, -40, 300)
    tint = np.stack([a + (b - a) * wall for a, b in zip(above, below, strict=True)])
    paint(layer, np.ones_like(wall, np.float32), tint)
    light, dark = mix(above, (255, 255, 255), 0.45), mix(below, (90, 70, 110), 0.14)
    if who.backdrop == "arch":
        paint(layer, window.mask(ellipse(CX, 122, 104, 104), blur=0.3), light, 0.6)
        paint(layer, window.mask(ellipse(CX, 122, 84, 84), blur=0.3), light, 0.5)
    elif who.backdrop == "bokeh":
        for _ in range(16):
            radius = rng.uniform(8, 26)
            spot = ellipse(rng.uniform(0, 256), rng.uniform(0, 240), radius, radius)
            paint(
                layer,
                window.mask(spot, blur=1.5),
                light if rng.random() < 0.7 else dark,
                rng.uniform(0.2, 0.5),
            )
    elif who.backdrop == "stripes":
        for left in range(-256, 256, 40):
            band = np.array([(left, 256), (left + 18, 256), (left + 274, 0), (left + 256, 0)])
            paint(layer, window.mask(band, blur=0.4), light, 0.42)
    else:
        paint(layer, window.mask(ellipse(70 + 120 * (who.light > 0), 62, 30, 30), blur=0.6), light, 0.85)
        for height, colour, strength in ((176, dark, 0.35), (200, dark, 0.55)):
            ridge = [
                (-20, height),
                (50, height - 26),
                (120, height + 6),
                (200, height - 20),
                (280, height + 4),
                (280, 300),
                (-20, 300),
            ]
            paint(
                layer,
                window.mask(spline(np.array(ridge) + rng.uniform(-8, 8, (7, 2))), blur=0.5),
                colour,
                strength,
            )
    glow = np.exp(-(((x - CX - 70 * who.light) / 120) ** 2) - ((y - 70) / 120) ** 2).astype(np.float32)
    paint(layer, glow, (255, 250, 240), 0.25)
    vignette = ramp(np.hypot(x - CX, y - 120), 110, 210).astype(np.float32)
    paint(layer, vignette, mix(below, (60, 40, 70), 0.5), 0.35)


def paint_body(layer: np.ndarray, window: Window, who: Identity) -> None:
    """Neck, shirt and collar."""
    shadow = mix(who.skin, (96, 36, 44), 0.42)
    neck = both([(24, 150), (23.5, 190), (27, 206), (46, 216), (20, 240)])
    mask = window.mask(neck)
    paint(layer, mask, mix(who.skin, shadow, 0.30))
    x, y = window.grid()
    paint(layer, ramp(who.light * (CX - x) + 0 * y, -6, 26).astype(np.float32), shadow, 0.35, mask)
    paint(layer, window.mask(ellipse(CX - 3 * who.light, who.chin - 6, 36, 22), blur=4), shadow, 0.85, mask)
    depth = {"crew": 221, "shirt": 226, "v": 240, "roll": 219}[who.collar]
    right = shifted([(33, 206), (66, 216), (96, 229), (112, 262), (112, 300)], CX, 0)
    curve = 0.45 if who.collar == "v" else 0.85
    neck_right = np.array([(CX + 29, 204), (CX + 17, 204 + (depth - 204) * curve)])
    neckline = spline(
        np.concatenate([mirrored(neck_right)[::-1], [(CX, depth)], neck_right[::-1]]), closed=False
    )
    body = np.concatenate([neckline, spline(np.concatenate([right, mirrored(right)]), closed=False)])
    cloth = window.mask(body)
    paint(layer, window.mask(shifted(body, 0, -2.5), blur=2.5), shadow, 0.4, mask)
    paint(layer, cloth, who.shirt)
    dark = mix(who.shirt, (24, 18, 48), 0.45)
    paint(layer, ramp(who.light * (CX - x) + 0 * y, 0, 90).astype(np.float32), dark, 0.45, cloth)
    paint(layer, 1 - window.mask(body, blur=5.0), dark, 0.5, cloth)
    for side in (-1, 1):
        crease = np.array([(CX + side * 78, 256), (CX + side * 74, 244), (CX + side * 64, 234)])
        paint(layer, window.stroke(spline(crease, closed=False), width=1.4, blur=1.0), dark, 0.5, cloth)
    _paint_collar(layer, window, who, neckline, dark)


def _paint_collar(
    layer: np.ndarray, window: Window, who: Identity, neckline: np.ndarray, dark: Colour
) -> None:
    if who.collar == "roll":
        roll = both([(25.5, 193), (27, 203), (31, 213), (14, 221)], [(0, 198)])
        paint(layer, window.mask(roll), who.shirt)
        paint(layer, 1 - window.mask(roll, blur=3.0), dark, 0.8, window.mask(roll))
        return
    if who.collar == "shirt":
        flap = spline(np.array([(CX + 24, 204), (CX + 36, 211), (CX + 27, 236), (CX + 2, 226)]), steps=4)
        for side in (flap, mirrored(flap)):
            paint(layer, window.mask(shifted(side, 0, 1.8), blur=1.5), dark, 0.5)
            paint(layer, window.mask(side), who.trim)
        return
    paint(layer, window.stroke(shifted(neckline, 0, 3.2), width=3.0, blur=1.0), dark, 0.55)
    paint(layer, window.stroke(neckline, width=5.0), mix(who.shirt, who.trim, 0.75))


def both(right: Sequence[tuple[float, float]], middle: Sequence[tuple[float, float]] = ()) -> np.ndarray:
    """A closed curve from offsets to the right of the middle line, mirrored.

    middle: points on the line, at the top.
    """
    points = shifted(right, CX, 0)
    axis = shifted(np.array(middle, dtype=float).reshape(-1, 2), CX, 0)
    return spline(np.concatenate([axis, points, mirrored(points)]), steps=6)
