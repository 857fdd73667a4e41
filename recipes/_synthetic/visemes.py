"""IPA → ARPAbet → viseme → mouth, with co-articulation. docs/synthetic.md prints these tables.

The visemes are the 22 of Microsoft's SAPI (``speechlip.metrics.phones.visemes``); phones of one viseme have
equal mouths by construction.
"""

from dataclasses import astuple, dataclass, fields
from functools import cache

import numpy as np

from speechlip.errors import SpeechLipError
from speechlip.metrics.phones.visemes import viseme
from speechlip.records import Phone

# espeak-ng's IPA, stress and length stripped, longest match first. Vowel + ɹ is vowel + R.
IPA_TO_ARPABET: dict[str, tuple[str, ...]] = {
    "tʃ": ("CH",), "dʒ": ("JH",), "eɪ": ("EY",), "aɪ": ("AY",),
    "aʊ": ("AW",), "ɔɪ": ("OY",), "oʊ": ("OW",), "əʊ": ("OW",),
    "p": ("P",), "b": ("B",), "t": ("T",), "d": ("D",), "ɾ": ("T",),
    "k": ("K",), "ɡ": ("G",), "g": ("G",), "x": ("K",),
    "f": ("F",), "v": ("V",), "θ": ("TH",), "ð": ("DH",),
    "s": ("S",), "z": ("Z",), "ʃ": ("SH",), "ʒ": ("ZH",),
    "m": ("M",), "n": ("N",), "ŋ": ("NG",), "l": ("L",), "ɫ": ("L",),
    "ɹ": ("R",), "r": ("R",), "w": ("W",), "ʍ": ("W",),
    "j": ("Y",), "h": ("HH",), "ʉ": ("UW",), "i": ("IY",), "ɪ": ("IH",),
    "ᵻ": ("IH",), "e": ("EY",), "ɛ": ("EH",), "æ": ("AE",), "ɑ": ("AA",),
    "a": ("AA",), "ɒ": ("AA",), "ɔ": ("AO",), "o": ("OW",), "ʊ": ("UH",),
    "u": ("UW",), "ʌ": ("AH",), "ɐ": ("AH",), "ə": ("AX",),
    "ɜ": ("ER",), "ɝ": ("ER",), "ɚ": ("ER",), "ʔ": (),
}  # fmt: skip
IGNORED_MARKS = "ˈˌːˑ:͡‍̩̯̃ʲʰ"


@dataclass(frozen=True)
class Mouth:
    """A pose of the mouth, six numbers.

    opening: gap between the lips, 0 closed … 1 widest; below 0 the lips are pressed.
    width: −1 narrow … 1 spread.
    rounding: 0 … 1, protruded and round.
    tuck: 0 … 1, lower lip under the upper teeth.
    teeth, tongue: how much of them shows, 0 … 1.
    """

    opening: float
    width: float
    rounding: float
    tuck: float = 0.0
    teeth: float = 0.0
    tongue: float = 0.0


PARAMETERS = tuple(field.name for field in fields(Mouth))

MOUTHS: dict[int, tuple[Mouth, ...]] = {  # a diphthong glides from its first mouth to its second
    0: (Mouth(0.00, 0.0, 0.0),),
    1: (Mouth(0.55, 0.2, 0.0, 0.0, 0.6, 0.3),),
    2: (Mouth(0.95, 0.0, 0.0, 0.0, 0.5, 0.4),),
    3: (Mouth(0.75, -0.2, 0.55, 0.0, 0.2, 0.3),),
    4: (Mouth(0.45, 0.5, 0.0, 0.0, 0.7, 0.3),),
    5: (Mouth(0.35, -0.2, 0.40, 0.0, 0.4, 0.2),),
    6: (Mouth(0.24, 0.9, 0.0, 0.0, 0.9, 0.2),),
    7: (Mouth(0.20, -0.6, 1.0, 0.0, 0.0, 0.0),),
    8: (Mouth(0.60, -0.3, 0.70, 0.0, 0.1, 0.2), Mouth(0.28, -0.6, 0.95)),
    9: (Mouth(0.90, 0.0, 0.0, 0.0, 0.5, 0.4), Mouth(0.30, -0.5, 0.85)),
    10: (Mouth(0.65, -0.3, 0.70, 0.0, 0.1, 0.2), Mouth(0.28, 0.6, 0.0, 0.0, 0.8, 0.2)),
    11: (Mouth(0.90, 0.1, 0.0, 0.0, 0.5, 0.4), Mouth(0.28, 0.7, 0.0, 0.0, 0.8, 0.2)),
    12: (Mouth(0.40, 0.1, 0.0, 0.0, 0.4, 0.3),),
    13: (Mouth(0.28, -0.4, 0.60, 0.0, 0.4, 0.2),),
    14: (Mouth(0.40, 0.2, 0.0, 0.0, 0.5, 1.0),),
    15: (Mouth(0.14, 0.6, 0.0, 0.0, 1.0, 0.0),),
    16: (Mouth(0.26, -0.3, 0.65, 0.0, 1.0, 0.0),),
    17: (Mouth(0.24, 0.2, 0.0, 0.0, 0.8, 0.9),),
    18: (Mouth(0.10, 0.2, 0.0, 1.0, 1.0, 0.0),),
    19: (Mouth(0.24, 0.3, 0.0, 0.0, 0.9, 0.5),),
    20: (Mouth(0.34, 0.2, 0.0, 0.0, 0.5, 0.3),),
    21: (Mouth(-0.20, 0.0, 0.0, 0.0, 0.0, 0.0),),
}

# How strongly a viseme insists on each parameter (1 where not named): closures and roundings win.
DOMINANCE: dict[int, dict[str, float]] = {
    0: {"opening": 1.5},
    21: {"opening": 5.0, "teeth": 2.0, "tongue": 2.0, "width": 0.4, "rounding": 0.3},
    18: {"opening": 4.0, "tuck": 4.0, "teeth": 3.0, "rounding": 0.6},
    7: {"opening": 2.0, "rounding": 3.0, "width": 2.0},
    8: {"rounding": 2.0}, 3: {"rounding": 2.0}, 13: {"rounding": 1.5},
    15: {"opening": 2.0, "teeth": 2.0},
    16: {"opening": 2.0, "rounding": 2.5, "teeth": 2.0},
    17: {"opening": 1.5, "tongue": 3.0},
    14: {"tongue": 3.0}, 19: {"width": 0.4, "rounding": 0.4},
    20: {"width": 0.3, "rounding": 0.3}, 12: {"width": 0.2, "rounding": 0.2},
}  # fmt: skip

# How far a phone reaches beyond its own half length, seconds: rounding is anticipated, closures are quick.
REACH_S = {
    "opening": 0.015,
    "width": 0.035,
    "rounding": 0.045,
    "tuck": 0.015,
    "teeth": 0.020,
    "tongue": 0.020,
}


def arpabet(ipa: str) -> tuple[str, ...]:
    """ARPAbet phones of one espeak-ng phoneme; nothing for a glottal stop or a bare mark.

    Raises SpeechLipError for a symbol that the table does not hold.

    >>> arpabet("ˈaɪɚ"), arpabet("ɔːɹ"), arpabet("tʃ"), arpabet("ʔ")
    (('AY', 'ER'), ('AO', 'R'), ('CH',), ())
    """
    rest = "".join(mark for mark in ipa if mark not in IGNORED_MARKS)
    phones: list[str] = []
    while rest:
        symbol = next((rest[:n] for n in (2, 1) if rest[:n] in IPA_TO_ARPABET), None)
        if symbol is None:
            raise SpeechLipError(
                f"no ARPAbet phone for {rest!r} in espeak-ng's {ipa!r}; add it to IPA_TO_ARPABET"
            )
        phones.extend(IPA_TO_ARPABET[symbol])
        rest = rest[len(symbol) :]
    return tuple(phones)


@cache
def _targets(viseme_number: int) -> tuple[np.ndarray, np.ndarray]:
    """Mouths (K, 6) and dominances (6,) of a viseme."""
    insist = DOMINANCE.get(viseme_number, {})
    return np.array([astuple(mouth) for mouth in MOUTHS[viseme_number]]), np.array(
        [insist.get(name, 1.0) for name in PARAMETERS]
    )


def mouth_track(phones: tuple[Phone, ...], times_s: np.ndarray) -> np.ndarray:
    """Mouth parameters (N, 6), ordered as ``PARAMETERS``, at ``times_s`` (N,).

    Dominance blending after Cohen & Massaro (1993), with a Gaussian that is symmetric about the phone's
    centre, so that nothing lags:
    ``m(t) = Σ a_s w_s(t) T_s / Σ a_s w_s(t)``, ``w_s(t) = exp(−((t − c_s) / (d_s / 2 + r))²)``;
    T target, a dominance, c centre, d length of the phone, r the parameter's reach. A diphthong counts as two
    halves.

    >>> phones = Phone(0.0, 0.1, "AA"), Phone(0.1, 0.2, "M"), Phone(0.2, 0.3, "AA")
    >>> lips = mouth_track(phones, np.array([0.05, 0.15]))
    >>> bool(lips[0, 0] > 0.5), bool(lips[1, 0] <= 0)
    (True, True)
    """
    targets, strengths, centres, halves = [], [], [], []
    for phone in phones:
        mouths, strength = _targets(viseme(phone.phone))
        edges = np.linspace(phone.start_s, phone.end_s, len(mouths) + 1)
        for target, start_s, end_s in zip(mouths, edges, edges[1:], strict=False):
            targets.append(target)
            strengths.append(strength)
            centres.append((start_s + end_s) / 2)
            halves.append((end_s - start_s) / 2)
    reach = np.array([REACH_S[name] for name in PARAMETERS])
    tau = (times_s[:, None, None] - np.array(centres)[None, :, None]) / (
        np.array(halves)[None, :, None] + reach
    )
    exponent = -(tau**2) + np.log(
        np.array(strengths)
    )  # softmax over the phones: never 0 / 0 in a long silence
    weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return (weight * np.array(targets)).sum(axis=1) / weight.sum(axis=1)
