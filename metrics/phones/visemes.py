"""Phone → viseme: four published maps, and the consonant classes that three of them agree on.

Goal: which phones look alike on lips, by a map that has a name.
Conventions: phones are ARPAbet without stress, folded by ``fold``; silence is no viseme of a map but SAPI's
0.
Sources: SAPI-22, Microsoft's ``SPVISEMES`` ("based on the Disney 13 visemes"); Jeffers and Barley 1971 and
Neti et al., both as Gillen's TCD-TIMIT thesis gives them, HH added beside Y to the former; Lee and Yook 2002,
after Cappelletta and Harte 2012. ``consensus``: consonants that SAPI, Jeffers and Neti all keep together; Lee
is coarser.
Functions: fold, viseme, viseme_classes.
"""

from speechlip.errors import no_such
from speechlip.phones import SILENCE

SAPI: dict[int, tuple[str, ...]] = {
    0: (SILENCE,), 1: ("AE", "AX", "AH"), 2: ("AA",), 3: ("AO",), 4: ("EY", "EH", "UH"), 5: ("ER",),
    6: ("Y", "IY", "IH", "IX"), 7: ("W", "UW"), 8: ("OW",), 9: ("AW",), 10: ("OY",), 11: ("AY",),
    12: ("HH",), 13: ("R",), 14: ("L",), 15: ("S", "Z"), 16: ("SH", "CH", "JH", "ZH"), 17: ("TH", "DH"),
    18: ("F", "V"), 19: ("D", "T", "N"), 20: ("K", "G", "NG"), 21: ("P", "B", "M"),
}  # fmt: skip
VISEME_OF = {phone: viseme for viseme, phones in SAPI.items() for phone in phones}

JEFFERS = {
    "A": "F V", "B": "ER OW R W UH UW", "C": "B P M", "D": "AW", "E": "DH TH", "F": "CH JH SH ZH",
    "G": "OY AO", "H": "S Z", "I": "AA AE AH AY EY EH IH IY Y AX HH", "J": "D L N T", "K": "G K NG",
}  # fmt: skip
NETI = {
    "V1": "AO AH AA ER OY AW HH", "V2": "UW UH OW", "V3": "AE EH EY AY", "V4": "IH IY AX", "A": "L R Y",
    "B": "S Z", "C": "T D N", "D": "SH ZH CH JH", "E": "P B M", "F": "TH DH", "G": "F V", "H": "NG G K W",
}  # fmt: skip
LEE = {
    "P": "B P M", "T": "D T S Z TH DH", "K": "G K N NG L Y HH", "CH": "JH CH SH ZH", "F": "F V", "W": "R W",
    "IY": "IY IH", "EH": "EH EY AE", "AA": "AA AW AY", "AH": "AH", "AO": "AO OY OW", "UH": "UH UW",
    "ER": "ER",
}  # fmt: skip
CONSENSUS = {
    "P B M": "P B M", "F V": "F V", "T D N": "T D N", "TH DH": "TH DH", "S Z": "S Z",
    "SH CH": "SH ZH CH JH", "K G NG": "K G NG",
}  # fmt: skip

MAPS: dict[str, dict[str, str]] = {
    "consensus": CONSENSUS,
    "sapi": {str(number): " ".join(phones) for number, phones in SAPI.items() if number},
    "jeffers": JEFFERS,
    "neti": NETI,
    "lee": LEE,
}
"""Name of a map → viseme → its phones. ``consensus`` leaves vowels and L R W Y HH out."""

CONSONANTS = (
    "P", "B", "M", "F", "V", "TH", "DH", "T", "D", "N", "S", "Z", "SH", "ZH", "CH", "JH", "K", "G", "NG",
    "L", "R", "W", "Y", "HH",
)  # fmt: skip
VOICED_PAIRS = (
    ("P", "B"),
    ("T", "D"),
    ("K", "G"),
    ("F", "V"),
    ("S", "Z"),
    ("TH", "DH"),
    ("CH", "JH"),
    ("SH", "ZH"),
)
"""Voiceless and voiced, otherwise equal: every map keeps them together. SE4Lip's Tab. 1."""
CONTROL_PAIRS = (("M", "N"), ("M", "NG"))
"""SE4Lip's Tab. 1 calls them similar; every map keeps them apart, for /m/ closes the lips."""
FOLDED = {"AX": "AH", "IX": "IH"}
"""Phones that espeak-ng and TIMIT have and the CMU dictionary, and so MFA's English one, has not."""

PHONES = frozenset(phone for phones in MAPS["sapi"].values() for phone in phones.split()) - set(FOLDED)


def fold(label: str) -> str | None:
    """The one of 39 ARPAbet phones that a label means: stress off, AX as AH, IX as IH.

    None for silence, noise, and labels of other alphabets.

    >>> fold("AH0"), fold("ax"), fold("T"), fold("SIL"), fold("tʃ")
    ('AH', 'AH', 'T', None, None)
    """
    phone = label.strip().upper().rstrip("012")
    phone = FOLDED.get(phone, phone)
    return phone if phone in PHONES else None


def viseme(phone: str) -> int:
    """SAPI viseme, 0 … 21, of an ARPAbet phone. Raises KeyError for another label.

    >>> viseme("B"), viseme("T") == viseme("D"), viseme("SIL")
    (21, True, 0)
    """
    return VISEME_OF[phone]


def viseme_classes(name: str) -> dict[str, str]:
    """Phone → viseme by the map ``name``. Raises OptionError that lists the maps.

    >>> viseme_classes("jeffers")["L"], viseme_classes("consensus")["N"], "L" in viseme_classes("consensus")
    ('J', 'T D N', False)
    """
    if name not in MAPS:
        raise no_such("viseme map", name, MAPS)
    return {phone: viseme for viseme, phones in MAPS[name].items() for phone in phones.split()}
