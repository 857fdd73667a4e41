"""One synthetic person: a seeded set of shapes, colours, clothes, light and voice."""

from dataclasses import dataclass

import numpy as np

from speechlip.recipes._synthetic.paint import Colour

# skin, lips
SKINS: tuple[tuple[Colour, Colour], ...] = (
    ((247, 214, 192), (205, 104, 102)),
    ((238, 193, 160), (196, 98, 94)),
    ((224, 174, 138), (184, 90, 84)),
    ((205, 152, 112), (168, 82, 76)),
    ((178, 122, 86), (150, 72, 68)),
    ((148, 98, 68), (132, 64, 64)),
    ((118, 77, 55), (116, 56, 58)),
)
HAIRS: tuple[Colour, ...] = (
    (40, 33, 38),
    (70, 46, 38),
    (112, 70, 46),
    (152, 76, 44),
    (222, 182, 118),
    (205, 108, 56),
    (176, 174, 180),
)
DARK_HAIRS = 2  # the first of HAIRS, which go with every skin
IRISES: tuple[Colour, ...] = ((92, 60, 38), (70, 106, 78), (76, 116, 156), (120, 84, 44), (96, 112, 124))
# background above, background below, shirt, shirt's trim
PALETTES: tuple[tuple[Colour, Colour, Colour, Colour], ...] = (
    ((255, 222, 196), (247, 176, 160), (62, 110, 130), (240, 232, 220)),
    ((202, 228, 226), (128, 186, 190), (226, 120, 96), (255, 240, 224)),
    ((226, 214, 240), (172, 156, 212), (250, 200, 110), (255, 244, 224)),
    ((252, 236, 188), (240, 196, 116), (92, 128, 110), (238, 232, 214)),
    ((208, 224, 246), (138, 170, 218), (214, 92, 100), (250, 234, 228)),
    ((222, 236, 208), (154, 192, 144), (110, 92, 142), (240, 232, 244)),
    ((250, 214, 222), (226, 152, 172), (58, 96, 120), (236, 238, 236)),
    ((226, 224, 218), (176, 176, 178), (196, 148, 96), (250, 242, 230)),
)
HAIR_STYLES = ("bob", "crop", "curls", "long", "side", "bun", "waves", "quiff")
COLLARS = ("crew", "shirt", "v", "roll")
BACKDROPS = ("arch", "bokeh", "stripes", "hills")
VOICES = (
    ("en-us+f2", 58), ("en-us+m3", 42), ("en+m7", 50), ("en+f4", 55), ("en-us+m1", 38),
    ("en-us+f5", 52), ("en-gb-x-rp+f3", 60), ("en-gb-scotland+m4", 46),
)  # fmt: skip
BEARDS = ("none", "stubble", "moustache", "beard")


@dataclass(frozen=True)
class Identity:
    """One synthetic person. Lengths in units (256 to the frame), colours RGB 0–255.

    light: −1 from the left … 1 from the right.
    """

    skin: Colour
    lips: Colour
    hair: Colour
    iris: Colour
    backdrop_colours: tuple[Colour, Colour]
    shirt: Colour
    trim: Colour
    hair_style: str
    collar: str
    backdrop: str
    beard: str
    glasses: bool
    freckles: bool
    earrings: bool
    lashes: float
    light: float
    cheek: float
    jaw: float
    chin: float
    eye_gap: float
    eye_width: float
    eye_height: float
    eye_tilt: float
    brow_arch: float
    brow_thickness: float
    nose_length: float
    nose_width: float
    mouth_width: float
    lip_thickness: float
    smile: float
    sway: float
    voice: str
    pitch: int
    rate: int


def identity(seed: int, number: int) -> Identity:
    """Person ``number`` of the corpus with ``seed``; does not depend on how many there are.

    Styles, palettes and voices are dealt like shuffled cards, so that the first eight people differ in all
    three.
    """
    deck = np.random.default_rng([seed, 0])
    rng = np.random.default_rng([seed, 1, number])
    backdrop_above, backdrop_below, shirt, trim = _dealt(deck, PALETTES, number)
    skin, lips = _dealt(deck, SKINS, number)
    style, collar, backdrop = (
        _dealt(deck, HAIR_STYLES, number),
        _dealt(deck, COLLARS, number),
        _dealt(deck, BACKDROPS, number),
    )
    voice, pitch = _dealt(deck, VOICES, number)
    deep = "+m" in voice
    hairs = HAIRS if sum(skin) > 480 else HAIRS[:DARK_HAIRS]
    hair = hairs[rng.integers(len(hairs))]
    beard = str(rng.choice(BEARDS))
    return Identity(
        skin=skin,
        lips=lips,
        hair=hair,
        iris=IRISES[rng.integers(len(IRISES) if sum(skin) > 480 else 1)],
        backdrop_colours=(backdrop_above, backdrop_below),
        shirt=shirt,
        trim=trim,
        hair_style=style,
        collar=collar,
        backdrop=backdrop,
        beard=beard
        if deep and style not in ("bob", "bun", "long") and sum(hair) < sum(skin) - 150
        else "none",
        glasses=bool(rng.random() < 0.28),
        freckles=bool(rng.random() < 0.35 and sum(skin) > 520),
        earrings=bool(rng.random() < 0.6 and not deep),
        lashes=float(rng.uniform(0.0, 0.3) if deep else rng.uniform(0.6, 1.0)),
        light=float(rng.choice((-1, 1)) * rng.uniform(0.5, 1.0)),
        cheek=float(rng.uniform(48, 53)),
        jaw=float(rng.uniform(40, 44) if deep else rng.uniform(36, 41)),
        chin=float(rng.uniform(190, 196) if deep else rng.uniform(187, 192)),
        eye_gap=float(rng.uniform(21.5, 24)),
        eye_width=float(rng.uniform(11.2, 12.8)),
        eye_height=float(rng.uniform(6.9, 8.2)),
        eye_tilt=float(rng.uniform(-0.6, 1.4)),
        brow_arch=float(rng.uniform(1.5, 4.0)),
        brow_thickness=float(rng.uniform(3.2, 4.4) if deep else rng.uniform(2.3, 3.2)),
        nose_length=float(rng.uniform(139, 144)),
        nose_width=float(rng.uniform(8.5, 11.5)),
        mouth_width=float(rng.uniform(18.5, 21.5)),
        lip_thickness=float(rng.uniform(4.2, 5.2) if deep else rng.uniform(5.0, 6.4)),
        smile=float(rng.uniform(1.8, 3.2)),
        sway=float(rng.uniform(0.7, 1.2)),
        voice=voice,
        pitch=int(pitch + rng.integers(-6, 7)),
        rate=int(rng.integers(140, 172)),
    )


def _dealt(deck: np.random.Generator, cards: tuple, number: int):
    return cards[deck.permutation(len(cards))[number % len(cards)]]
