"""How a head moves while it speaks, as functions of time: sway, nods on stressed vowels, blinks, glances."""

from itertools import cycle

import numpy as np

from speechlip.recipes._synthetic.features import Gaze
from speechlip.recipes._synthetic.frame import Pose
from speechlip.recipes._synthetic.identity import Identity

BLINK_S = 0.16  # from open to open again
BLINK_EVERY_S = (1.8, 4.5)
NOD_S = 0.13  # width of a nod about the vowel
# per direction: amplitude in Pose's units at sway 1, and the range of its frequencies in hertz
SWAY = {
    "x": (3.2, 0.10, 0.35),
    "y": (1.6, 0.12, 0.40),
    "roll": (0.030, 0.10, 0.35),
    "scale": (0.012, 0.08, 0.2),
    "yaw": (3.6, 0.12, 0.45),
    "pitch": (1.6, 0.15, 0.5),
}


def poses(
    who: Identity, rng: np.random.Generator, times_s: np.ndarray, stresses_s: tuple[float, ...]
) -> list[Pose]:
    """One pose for each of ``times_s``: two slow sines for every direction, and a small nod on each stressed
    vowel.
    """
    sway = {}
    for name, (amplitude, low_hz, high_hz) in SWAY.items():
        hz, phase = rng.uniform(low_hz, high_hz, 2), rng.uniform(0, 2 * np.pi, 2)
        waves = np.sin(2 * np.pi * hz[:, None] * times_s + phase[:, None])
        sway[name] = who.sway * amplitude * (0.65 * waves[0] + 0.35 * waves[1])
    strengths = rng.uniform(0.3, 1.0, 256)
    nod = sum(
        (
            s * np.exp(-(((times_s - t) / NOD_S) ** 2))
            for t, s in zip(stresses_s, cycle(strengths), strict=False)
        ),
        np.zeros_like(times_s),
    )
    sway["pitch"], sway["y"], sway["scale"] = (
        sway["pitch"] + 0.8 * nod,
        sway["y"] + 0.5 * nod,
        1 + sway["scale"],
    )
    return [Pose(**{name: float(values[i]) for name, values in sway.items()}) for i in range(len(times_s))]


def gazes(rng: np.random.Generator, times_s: np.ndarray, stresses_s: tuple[float, ...]) -> list[Gaze]:
    """Eyes and brows for each of ``times_s``: quick blinks, small glances that jump, brows that rise with
    some stresses.
    """
    end_s = float(times_s[-1]) + 1 if len(times_s) else 1.0
    blinks = _times(np.random.default_rng(rng.integers(2**32)), BLINK_EVERY_S, end_s)
    glance_rng = np.random.default_rng(rng.integers(2**32))
    glances = _times(glance_rng, (0.7, 2.2), end_s)
    aims = glance_rng.normal(0, 1, (len(glances) + 1, 2)) * (0.9, 0.35)
    lifts = rng.uniform(-1.0, 1.0, 256).clip(0)
    shut = np.zeros_like(times_s)
    for blink_s in blinks:
        shut = np.maximum(shut, np.cos(np.clip((times_s - blink_s) / BLINK_S, -0.5, 0.5) * np.pi))
    brow = sum(
        (
            2.0 * s * np.exp(-(((times_s - t) / 0.2) ** 2))
            for t, s in zip(stresses_s, cycle(lifts), strict=False)
        ),
        np.zeros_like(times_s),
    )
    aim = aims[np.searchsorted(glances, times_s)]
    return [
        Gaze(float(1 - shut[i]), float(aim[i, 0]), float(aim[i, 1]), float(brow[i]))
        for i in range(len(times_s))
    ]


def _times(rng: np.random.Generator, every_s: tuple[float, float], end_s: float) -> np.ndarray:
    times = []
    at = rng.uniform(0.3, every_s[1])
    while at < end_s:
        times.append(at)
        at += rng.uniform(*every_s)
    return np.array(times)
