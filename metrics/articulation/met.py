"""How many of some phones' segments meet a condition of the lips.

Goal: landmarks, phones and a condition by frame → share of segments that meet it.
Conventions: phones are folded to 39 ARPAbet ones; labels that are none, and silence, count nowhere. A segment
meets a condition where one of its frames does, or the frame before or after it: lips run ahead of the sound,
and boundaries are known to some 20 ms. Segments without a frame with a face are left out.
Source: the constraints that Edwards et al., "JALI", ACM Trans. Graphics 35(4), 2016, list for animated
speech.
Function: share_met.
"""

import math
from collections.abc import Sequence

import numpy as np

from speechlip.metrics.declared import NotScored
from speechlip.metrics.phones.visemes import fold
from speechlip.records import Phone
from speechlip.timing import FPS

FEWEST = 3
"""Segments that a share is taken of, at least."""


def share_met(met: np.ndarray, known: np.ndarray, phones: Sequence[Phone], wanted: Sequence[str]) -> float:
    """Share of the segments of ``wanted`` phones that meet a condition, 0 to 1.

    met: (T,) bool, frames that meet it.
    known: (T,) bool, frames with a face.

    Raises NotScored (``too few phones``) for fewer than three segments.

    >>> phones = [Phone(0.04, 0.08, "P"), Phone(0.2, 0.24, "B"), Phone(0.4, 0.44, "m")]
    >>> frames = np.arange(12)
    >>> share_met(np.isin(frames, [0, 10]), frames < 12, phones, "PBM")
    0.6666666666666666
    """
    spans = [
        slice(max(0, math.floor(at(each.start_s)) - 1), math.ceil(at(each.end_s)) + 1)
        for each in phones
        if fold(each.phone) in wanted
    ]
    judged = [bool((met[span] & known[span]).any()) for span in spans if known[span].any()]
    if len(judged) < FEWEST:
        raise NotScored(
            "too few phones",
            f"{len(judged)} segments of {' '.join(wanted)} with a face, {FEWEST} are wanted",
        )
    return float(np.mean(judged))


def at(time_s: float) -> float:
    """A time in frames; what floats are off by does not make a frame more."""
    return round(time_s * FPS, 6)
