"""A person's still image: the head as one layer, what stays behind it as another; painted once."""

from dataclasses import dataclass

import numpy as np

from speechlip.recipes._synthetic.hair import hair, paint_hair
from speechlip.recipes._synthetic.identity import Identity
from speechlip.recipes._synthetic.paint import (
    UNITS,
    Window,
    cv2_module,
    ellipse,
    mirrored,
    mix,
    paint,
    pixels,
    ramp,
    shifted,
    spline,
)
from speechlip.recipes._synthetic.stage import paint_backdrop, paint_body

CX = UNITS / 2
SUPERSAMPLING = 2


@dataclass(frozen=True)
class Portrait:
    """A person before any movement.

    head: (2S, 2S, 4) uint8 premultiplied, without eyes and mouth.
    glasses: planes (4, 2S, 2S) float32, or None.
    stage: (S, S, 3) uint8.
    outline: of the face, (M, 2) units.
    window: that of head and glasses.
    """

    who: Identity
    size: int
    window: Window
    head: np.ndarray
    glasses: np.ndarray | None
    stage: np.ndarray
    outline: np.ndarray


def portrait(who: Identity, seed: list[int], size: int) -> Portrait:
    """Paint ``who`` for frames of ``size`` × ``size`` pixels; ``seed`` is for single strands and blobs."""
    rng = np.random.default_rng(seed)
    window = Window(0, 0, SUPERSAMPLING * size, SUPERSAMPLING * size, SUPERSAMPLING * size / UNITS)
    outline = face_outline(who)
    shapes = hair(who, rng)
    stage = window.empty()
    paint_backdrop(stage, window, who, rng)
    if shapes.nape:
        paint_hair(stage, window, who, shapes.nape, rng, shade=0.45)
    paint_body(stage, window, who)
    head = window.empty()
    paint_hair(head, window, who, shapes.back, rng, shade=0.25)
    paint_ears(head, window, who)
    paint_face(head, window, who, outline)
    paint_nose(head, window, who)
    paint_beard(head, window, who, outline, rng)
    face = window.mask(outline)
    shadow = window.mask(*[shifted(shape, -1.5 * who.light, 4.0) for shape in shapes.front], blur=2.5)
    paint(head, shadow, mix(who.skin, (70, 20, 40), 0.45), 0.5, face)
    paint_hair(head, window, who, shapes.front, rng, shade=0.0)
    small = cv2_module().resize(pixels(stage)[..., :3], (size, size), interpolation=cv2_module().INTER_AREA)
    glasses = paint_glasses(window, who)
    if glasses is not None:
        head = glasses + head * (1 - glasses[3] / 255)
    return Portrait(who, size, window, pixels(head), glasses, small, outline)


def face_outline(who: Identity) -> np.ndarray:
    """The face without ears, clockwise from the top → (M, 2) units."""
    right = [
        (4, 50),
        (30, 57),
        (who.cheek - 3, 84),
        (who.cheek, 112),
        (who.cheek - 2.5, 136),
        (who.jaw, 163),
        (who.jaw * 0.66, 180),
        (13, who.chin - 1),
    ]
    points = shifted([*right, (0, who.chin)], CX, 0)
    return spline(np.concatenate([points, mirrored(points[:-1])]))


def paint_ears(layer: np.ndarray, window: Window, who: Identity) -> None:
    """Both ears, behind the face, on ``layer`` (H, W, 3)."""
    shadow = mix(who.skin, (120, 40, 40), 0.4)
    for side in (-1, 1):
        x = CX + side * (who.cheek + 1.5)
        ear = window.mask(ellipse(x, 122, 7.0, 13.5, turn=side * 0.16))
        paint(layer, ear, mix(who.skin, shadow, 0.15 if side * who.light > 0 else 0.45))
        paint(
            layer,
            window.stroke(
                ellipse(x + side * 0.8, 121, 4.0, 8.5, turn=side * 0.16), width=1.2, blur=0.7, closed=True
            ),
            shadow,
            0.7,
            ear,
        )
        if who.earrings:
            paint(layer, window.mask(ellipse(x + side * 0.5, 138, 2.6, 2.6)), (240, 204, 120))
            paint(layer, window.mask(ellipse(x - 0.4, 137.2, 0.9, 0.9), blur=0.2), (255, 250, 230))


def paint_face(layer: np.ndarray, window: Window, who: Identity, outline: np.ndarray) -> None:
    """Skin with soft light from one side, a darker rim, blush and highlights."""
    face = window.mask(outline)
    shadow, bright = mix(who.skin, (112, 30, 40), 0.36), mix(who.skin, (255, 246, 232), 0.55)
    paint(layer, face, who.skin)
    x, y = window.grid()
    paint(layer, 1 - window.mask(outline, blur=7.0), shadow, 0.85, face)
    away = ramp(who.light * (CX - x) + 0 * y, 4, 62)
    paint(layer, away.astype(np.float32), shadow, 0.55, face)
    soft = [
        (CX + 14 * np.sign(who.light), 84, 26, 12, 0.45),
        (CX + 27 * np.sign(who.light), 132, 12, 9, 0.5),
        (CX + 3 * np.sign(who.light), who.chin - 11, 8, 4, 0.4),
    ]
    for cx, cy, rx, ry, strength in soft:
        paint(layer, window.mask(ellipse(cx, cy, rx, ry), blur=5.0), bright, strength, face)
    for side in (-1, 1):
        paint(
            layer,
            window.mask(ellipse(CX + side * 31, 141, 11, 8), blur=5.0),
            mix(who.skin, (228, 84, 92), 0.55),
            0.5,
            face,
        )
    if who.freckles:
        spots = np.random.default_rng(round(who.cheek * 1e6)).normal(0, 1, (34, 2)) * (9, 4.5)
        dots = [
            ellipse(CX + (27 if i % 2 else -27) + dx, 138 + dy, 0.75, 0.75, steps=10)
            for i, (dx, dy) in enumerate(spots)
        ]
        paint(layer, window.mask(*dots, blur=0.3), mix(who.skin, (150, 84, 50), 0.6), 0.4, face)


def paint_nose(layer: np.ndarray, window: Window, who: Identity) -> None:
    """The nose with its shadow on the side away from the light."""
    shadow, bright = mix(who.skin, (104, 34, 36), 0.48), mix(who.skin, (255, 248, 236), 0.65)
    away = -np.sign(who.light)
    base, width = who.nose_length, who.nose_width
    flank = spline(
        np.array(
            [
                (CX + away * 4, 112),
                (CX + away * 5.0, 126),
                (CX + away * width * 0.9, base - 3),
                (CX + away * 2.5, base - 1),
                (CX + away * 2, 126),
            ]
        )
    )
    paint(layer, window.mask(flank, blur=2.0), shadow, 0.42)
    paint(layer, window.mask(ellipse(CX, base + 2.2, width * 0.95, 2.6), blur=1.8), shadow, 0.6)
    paint(
        layer,
        window.mask(
            spline(np.array([(CX - 2, 106), (CX + 2, 106), (CX + 2.2, base - 8), (CX - 2.2, base - 8)])),
            blur=1.8,
        ),
        bright,
        0.35,
    )
    paint(layer, window.mask(ellipse(CX - away * 1.2, base - 6.5, 3.0, 2.4), blur=1.1), bright, 0.75)
    for side in (-1, 1):
        wing = np.array(
            [
                (CX + side * width * 0.80, base - 6.5),
                (CX + side * width, base - 2.5),
                (CX + side * width * 0.74, base + 0.6),
            ]
        )
        paint(layer, window.stroke(spline(wing, closed=False), width=1.2, blur=0.6), shadow, 0.75)
        paint(
            layer,
            window.mask(ellipse(CX + side * width * 0.42, base, 2.4, 1.15, turn=-side * 0.25), blur=0.45),
            mix(shadow, (40, 10, 14), 0.5),
            0.8,
        )
    for side in (-1, 1):
        groove = np.array([(CX + side * 2.2, base + 5), (CX + side * 2.6, base + 11)])
        paint(layer, window.stroke(groove, width=0.9, blur=0.8), shadow, 0.35)


def paint_beard(
    layer: np.ndarray, window: Window, who: Identity, outline: np.ndarray, rng: np.random.Generator
) -> None:
    """Stubble or beard within the face's outline, of the colour of the hair; nothing for those who shave."""
    if who.beard == "none":
        return
    face, colour = window.mask(outline, blur=0.4), mix(who.hair, who.skin, 0.12)
    lip = who.nose_length + 8.5
    if who.beard in ("moustache", "beard"):
        curve = [
            (CX, lip - 1.5),
            (CX + 10, lip - 2.5),
            (CX + 23, lip + 7.5),
            (CX + 11, lip + 4),
            (CX, lip + 4),
            (CX - 11, lip + 4),
            (CX - 23, lip + 7.5),
            (CX - 10, lip - 2.5),
        ]
        paint(layer, window.mask(spline(np.array(curve)), blur=0.6), colour, 0.92, face)
    if who.beard == "moustache":
        return
    x, y = window.grid()
    low = (
        ramp(y + 0.010 * (x - CX) ** 2, 152, 166)
        if who.beard == "stubble"
        else ramp(y + 0.013 * (x - CX) ** 2, 168, 176)
    )
    mouth = window.mask(ellipse(CX, 165, 27, 11), blur=2.5)
    paint(
        layer, (low * (1 - mouth)).astype(np.float32), colour, 0.26 if who.beard == "stubble" else 0.93, face
    )
    if who.beard == "beard":
        hairs = []
        for _ in range(90):
            root = np.array([CX + rng.uniform(-44, 44), rng.uniform(160, 188)])
            hairs.append(np.array([root, shifted(root, (root[0] - CX) * 0.05, 6)]))
        paint(
            layer,
            window.stroke(*hairs, width=0.7, blur=0.3),
            mix(who.hair, (255, 235, 215), 0.25),
            0.35,
            face * (low * (1 - mouth)).astype(np.float32),
        )


def paint_glasses(window: Window, who: Identity) -> np.ndarray | None:
    """Round glasses as a layer of their own: they go over the eyes."""
    if not who.glasses:
        return None
    layer, frame = window.empty(), mix(mix(who.hair, (120, 84, 60), 0.7), who.skin, 0.25)
    rims = [ellipse(CX + side * (who.eye_gap + 0.5), 116.5, 17.5, 15.5) for side in (-1, 1)]
    for rim in rims:
        paint(layer, window.mask(rim), (255, 255, 255), 0.07)
        streak = np.array(
            [
                (rim[:, 0].mean() - 8, 110),
                (rim[:, 0].mean() - 3, 105.5),
                (rim[:, 0].mean() - 9, 121),
                (rim[:, 0].mean() - 12, 117),
            ]
        )
        paint(layer, window.mask(streak, blur=0.8), (255, 255, 255), 0.25)
    arms = [
        np.array([(CX + side * (who.eye_gap + 18), 113), (CX + side * (who.cheek + 1), 111)])
        for side in (-1, 1)
    ]
    bridge = spline(
        np.array([(CX - who.eye_gap + 17, 114), (CX, 110.5), (CX + who.eye_gap - 17, 114)]), closed=False
    )
    paint(layer, window.stroke(*rims, width=1.3, closed=True), frame, 0.9)
    paint(layer, window.stroke(bridge, *arms, width=1.3), frame, 0.9)
    return layer
