"""What moves in the face: mouth, eyes and brows, painted into the still head, with their exact landmarks."""

from dataclasses import dataclass

import numpy as np

from speechlip.recipes._synthetic.identity import Identity
from speechlip.recipes._synthetic.paint import Colour, Window, ellipse, mirrored, mix, paint, shifted, spline

CENTRE_X = 128.0
MOUTH_Y, EYE_Y, BROW_Y = 164.0, 115.0, 99.5
WIDEST_GAP = 0.92  # of the mouth's half width, at opening 1
UPPER_SHARE = 0.28  # of the gap is above the resting seam; the rest is the jaw's
MOUTH_DARK: Colour = (70, 22, 28)
TEETH: Colour = (250, 244, 236)
TONGUE: Colour = (196, 92, 96)
SCLERA: Colour = (252, 250, 248)


@dataclass(frozen=True)
class Gaze:
    """eyes: 1 open … 0 shut; x, y: iris shift in units; brow: lift in units."""

    eyes: float = 1.0
    x: float = 0.0
    y: float = 0.0
    brow: float = 0.0


def mouth_points(who: Identity, mouth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outer (12, 2) and inner (8, 2) lip points in units, 48–59 and 60–67, for parameters ``mouth`` (6,)."""
    opening, width, rounding, tuck, _, _ = mouth
    half = who.mouth_width * (1 + 0.13 * width - 0.33 * rounding)
    gap = WIDEST_GAP * who.mouth_width * max(opening, 0.0)
    thick = who.lip_thickness * (1 - 0.18 * max(width, 0.0) + 0.25 * rounding - 2.2 * max(-opening, 0.0))
    top, bottom = -UPPER_SHARE * gap - 1.8 * tuck, (1 - UPPER_SHARE) * gap * (1 - 0.5 * tuck)
    upper, lower = thick * 0.92, thick * 1.22 * (1 - 0.35 * tuck)
    corner = -who.smile * (1 + 0.5 * width) * (1 - rounding) + 0.14 * gap
    round_ = max(rounding, 0.8 * max(opening, 0.0))
    far, near = 0.56 + 0.12 * round_, 0.20 + 0.08 * round_
    outer = [
        (-1, corner),
        (-far, top * (0.72 + 0.1 * round_) - upper * 0.74),
        (-near, top - upper), (0, top - upper * 0.80),
        (near, top - upper), (far, top * (0.72 + 0.1 * round_) - upper * 0.74), (1, corner),
        (far + 0.04, bottom * (0.74 + 0.1 * round_) + lower * 0.70),
        (near + 0.08, bottom * 0.98 + lower * 0.97), (0, bottom + lower),
        (-near - 0.08, bottom * 0.98 + lower * 0.97),
        (-far - 0.04, bottom * (0.74 + 0.1 * round_) + lower * 0.70),
    ]  # fmt: skip
    inner = [
        (-0.84, corner * 0.85), (-near - 0.16, top * 0.92), (0, top + 0.5), (near + 0.16, top * 0.92),
        (0.84, corner * 0.85), (near + 0.16, bottom * 0.94),
        (0, bottom + 0.5 * min(1.0, max(opening, 0.0) * 10)),
        (-near - 0.16, bottom * 0.94),
    ]  # fmt: skip
    place = np.array([half, 1.0]), np.array([CENTRE_X, MOUTH_Y])
    outer_points, inner_points = np.array(outer) * place[0] + place[1], np.array(inner) * place[0] + place[1]
    inner_points[5:8, 1] = np.maximum(
        inner_points[5:8, 1], inner_points[[3, 2, 1], 1]
    )  # the lips never cross
    return outer_points, inner_points


def paint_mouth(layer: np.ndarray, window: Window, who: Identity, mouth: np.ndarray) -> np.ndarray:
    """Paint the mouth into ``layer`` (premultiplied, a view of ``window``) → its 20 points in units."""
    outer, inner = mouth_points(who, mouth)
    rounding, tuck, teeth, tongue = mouth[2:]
    top_line, low_line = (
        spline(outer[:7], closed=False),
        spline(np.concatenate([outer[6:], outer[:1]]), closed=False),
    )
    top_seam, low_seam = (
        spline(inner[:5], closed=False),
        spline(np.concatenate([inner[4:], inner[:1]]), closed=False),
    )
    cavity = np.concatenate([top_seam, low_seam])
    gap = max(0.0, inner[6, 1] - inner[2, 1])
    half = outer[6, 0] - CENTRE_X

    shade = mix(who.skin, (90, 30, 30), 0.45)
    paint(layer, window.mask(ellipse(CENTRE_X, outer[9, 1] + 2.6, half * 0.55, 1.7), blur=1.6), shade, 0.45)
    for corner in (outer[0], outer[6]):
        paint(layer, window.mask(ellipse(corner[0], corner[1], 1.8, 1.8), blur=1.4), shade, 0.55)
    upper = np.concatenate([top_line, top_seam[::-1], outer[:1]])
    lower = np.concatenate([low_line, low_seam[::-1], outer[6:7]])
    paint(layer, window.mask(np.concatenate([top_line, low_line])), mix(who.lips, (80, 20, 30), 0.10))
    if gap > 0.25:
        _paint_cavity(layer, window, cavity, inner, gap, teeth, tongue, tuck)
    paint(layer, window.mask(upper), mix(who.lips, (70, 20, 30), 0.20))
    paint(layer, window.mask(lower), who.lips)
    shine = ellipse(
        CENTRE_X + 2 * who.light, (inner[6, 1] + outer[9, 1]) / 2, half * 0.34, 1.0 + 0.5 * rounding
    )
    paint(layer, window.mask(shine, blur=0.9), mix(who.lips, (255, 236, 230), 0.75), 0.55)
    seam = max(0.0, 1 - gap / 2.5)
    ends = np.stack([outer[0], *inner[:5], outer[6]])
    paint(
        layer,
        window.stroke(spline(ends, closed=False), width=0.9, blur=0.35),
        mix(who.lips, MOUTH_DARK, 0.8),
        0.35 + 0.55 * seam,
    )
    return np.concatenate([outer, inner])


def _paint_cavity(
    layer: np.ndarray,
    window: Window,
    cavity: np.ndarray,
    inner: np.ndarray,
    gap: float,
    teeth: float,
    tongue: float,
    tuck: float,
) -> None:
    top, bottom = inner[2, 1], inner[6, 1]
    half = (inner[4, 0] - inner[0, 0]) / 2
    clip = window.mask(cavity)
    paint(layer, clip, MOUTH_DARK)
    if tongue > 0.05:
        rise = gap * (0.30 + 0.42 * tongue)
        body = ellipse(CENTRE_X, bottom + 2.0, half * 0.62, rise + 2.0)
        paint(layer, window.mask(body, blur=0.5), TONGUE, min(1.0, 0.55 + 0.45 * tongue), clip)
    if teeth > 0.03:
        edge = top + min(gap * (0.55 + 0.25 * tuck), 1.2 + 5.0 * teeth)
        corners = [
            (-1.0, top - 4),
            (1.0, top - 4),
            (0.86, edge - 1.6),
            (0.4, edge),
            (-0.4, edge),
            (-0.86, edge - 1.6),
        ]
        row = spline(shifted(np.array(corners) * (half, 1), CENTRE_X, 0))
        paint(layer, window.mask(row, blur=0.35), TEETH, min(1.0, teeth * 1.6), clip)
        if gap > 6:
            corners = [(-0.6, bottom + 3), (0.6, bottom + 3), (0.5, bottom - 1.6), (-0.5, bottom - 1.6)]
            low = spline(shifted(np.array(corners) * (half, 1), CENTRE_X, 0))
            paint(layer, window.mask(low, blur=0.4), mix(TEETH, MOUTH_DARK, 0.25), 0.5 * teeth, clip)
    shadow = window.stroke(spline(inner[:5], closed=False), width=1.6, blur=1.2)
    paint(layer, shadow, MOUTH_DARK, 0.5, clip)


def eye_points(who: Identity, openness: float) -> np.ndarray:
    """The eye on the right of the image, (6, 2) units: inner corner, two above, outer corner, two below."""
    w, h, tilt = who.eye_width, who.eye_height, who.eye_tilt
    lift, sink = h * (1.15 * openness - 0.15) * 0.98, h * 0.62
    lift = lift if openness > 0 else -0.15 * h
    shape = [
        (-w, 0.8 + tilt * 0.5),
        (-0.34 * w, -lift),
        (0.36 * w, -lift - 0.15 * tilt),
        (w, -tilt),
        (0.40 * w, sink - 0.3 * tilt),
        (-0.36 * w, sink),
    ]
    points = shifted(shape, CENTRE_X + who.eye_gap, EYE_Y)
    shut = np.clip(1 - openness, 0, 1)
    points[4:6, 1] -= 0.25 * h * shut
    points[1:3, 1] = np.minimum(points[1:3, 1], points[[5, 4], 1] - 0.2)
    return points


def brow_points(who: Identity, lift: float) -> np.ndarray:
    """The brow on the right of the image, inner to outer, (5, 2) units (22–26)."""
    w, arch = who.eye_width, who.brow_arch
    shape = [
        (-1.15 * w, 1.5),
        (-0.55 * w, -arch * 0.55),
        (0.1 * w, -arch),
        (0.75 * w, -arch * 0.75),
        (1.35 * w, 1.8),
    ]
    return shifted(shape, CENTRE_X + who.eye_gap, BROW_Y - who.eye_height * 0.3 - lift)


def paint_eye(layer: np.ndarray, window: Window, who: Identity, gaze: Gaze, flip: bool) -> np.ndarray:
    """Paint one eye and its brow in place → eye (6, 2) and brow (5, 2) points, in right-eye order.

    flip: for the eye on the left.
    """
    side = mirrored if flip else np.asarray
    points, brow = eye_points(who, gaze.eyes), brow_points(who, gaze.brow)
    turn = (lambda p: side(p)[::-1]) if flip else side
    upper = spline(points[:4], closed=False)
    lower = spline(np.concatenate([points[3:], points[:1]]), closed=False)
    socket = mix(who.skin, (110, 50, 50), 0.28)
    paint(
        layer,
        window.mask(
            turn(ellipse(CENTRE_X + who.eye_gap, EYE_Y - 2.5, who.eye_width * 1.15, who.eye_height * 1.15)),
            blur=3.0,
        ),
        socket,
        0.45,
    )
    if gaze.eyes > 0.08:
        _paint_eyeball(layer, window, who, gaze, turn(np.concatenate([upper, lower])), turn(upper), flip)
    lid = mix(who.hair, (24, 16, 20), 0.75)
    paint(layer, window.stroke(turn(upper), width=1.5 + 0.7 * who.lashes, blur=0.25), lid, 0.95)
    if who.lashes > 0.5:
        tip = points[3]
        wing = np.array(
            [
                tip,
                shifted(tip, 2.6, -2.4 * max(gaze.eyes, 0.2)),
                shifted(points[2] * 0.3 + tip * 0.7, 0.4, -0.4),
            ]
        )
        paint(layer, window.mask(turn(spline(wing))), lid, 0.9)
    fold = shifted(upper, 0, -3.0 * max(gaze.eyes, 0.35))
    paint(layer, window.stroke(turn(fold[3:-3]), width=0.8, blur=0.5), mix(who.skin, (90, 40, 40), 0.5), 0.55)
    _paint_brow(layer, window, who, turn, brow)
    return np.concatenate([points, brow])


def _paint_eyeball(layer, window: Window, who: Identity, gaze: Gaze, outline, upper, flip: bool) -> None:
    clip = window.mask(outline)
    paint(layer, clip, SCLERA)
    radius = who.eye_height * 0.86
    x = CENTRE_X + (-who.eye_gap if flip else who.eye_gap) + gaze.x
    y = EYE_Y - 0.9 + gaze.y
    paint(
        layer,
        window.mask(ellipse(x, y, radius, radius), blur=0.2),
        mix(who.iris, (20, 14, 16), 0.5),
        1.0,
        clip,
    )
    paint(
        layer, window.mask(ellipse(x, y + 0.3, radius * 0.82, radius * 0.82), blur=0.4), who.iris, 1.0, clip
    )
    paint(
        layer,
        window.mask(ellipse(x, y + radius * 0.42, radius * 0.55, radius * 0.34), blur=0.8),
        mix(who.iris, (255, 240, 210), 0.5),
        0.75,
        clip,
    )
    paint(layer, window.mask(ellipse(x, y, radius * 0.46, radius * 0.46), blur=0.2), (16, 12, 16), 1.0, clip)
    paint(layer, window.stroke(upper, width=2.6, blur=1.3), (70, 50, 60), 0.5, clip)
    glint = ellipse(x + 0.34 * radius * who.light, y - 0.36 * radius, radius * 0.27, radius * 0.27)
    small = ellipse(x - 0.34 * radius * who.light, y + 0.38 * radius, radius * 0.13, radius * 0.13)
    paint(layer, window.mask(glint, small), (255, 255, 255), 0.95, clip)


def _paint_brow(layer, window: Window, who: Identity, turn, brow: np.ndarray) -> None:
    thick = who.brow_thickness * np.array([0.75, 1.0, 0.95, 0.6, 0.08])[:, None] * (0, 0.5)
    outline = np.concatenate([spline(brow - thick, closed=False), spline((brow + thick)[::-1], closed=False)])
    paint(layer, window.mask(turn(outline), blur=0.4), mix(who.hair, (40, 26, 26), 0.3), 0.9)


def landmark_eyes(right: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both eyes' points from ``paint_eye`` (11, 2) → brows (10, 2) 17–26 and eyes (12, 2) 36–47."""
    mirror = np.array([2 * CENTRE_X, 0]) + left * (-1, 1)
    brows = np.concatenate([mirror[6:][::-1], right[6:]])
    eyes = np.concatenate([mirror[[3, 2, 1, 0, 5, 4]], right[:6]])
    return brows, eyes
