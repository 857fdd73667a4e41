"""The phones of a clip as segments of frames, and those of an excerpt of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.metrics.phones.classes import phone_number
from speechlip.metrics.phones.tokens import MIN_SEGMENT_S
from speechlip.phones import is_ipa
from speechlip.timing import FPS

NOBODY = -1
"""Number of a phone where there is no segment."""
ROUNDED_S = 1e-6
"""By how much times of phones may be off: they are rounded."""


@dataclass(frozen=True)
class ClipPhones:
    """The segments of a clip that are long enough to be seen, in order of time.

    phone: (N,) numbers of ``metrics.phones.classes.TABLE``.
    start_s, end_s: (N,) in the clip.
    unknown: labels that are none of the table's → how many segments, short ones too.
    short: segments under 40 ms, which are left out.
    """

    phone: np.ndarray
    start_s: np.ndarray
    end_s: np.ndarray
    unknown: Counter[str]
    short: int


@dataclass(frozen=True)
class Segments:
    """The segments of an excerpt, frames counted in it.

    phone: (N,) as of ``ClipPhones``.
    first, stop: (N,) the frames that a segment touches, stop not among them.
    centre: (N,) its middle in frames, 0.5 for the middle of frame 0.
    """

    phone: np.ndarray
    first: np.ndarray
    stop: np.ndarray
    centre: np.ndarray


def clip_phones(phones: Sequence[Mapping]) -> ClipPhones:
    """The phones of a sample, as a shard has them.

    Raises ValueError for what are no phones with times in order.

    >>> said = [{"start_s": 0.0, "end_s": 0.1, "phone": "T"}, {"start_s": 0.1, "end_s": 0.12, "phone": "AH0"}]
    >>> phones = clip_phones([*said, {"start_s": 0.12, "end_s": 0.2, "phone": "spn"}])
    >>> phones.phone.tolist(), dict(phones.unknown), phones.short
    ([31], {'spn': 1}, 1)
    """
    unknown, short = Counter[str](), 0
    kept: list[tuple[int, float, float]] = []
    for row in phones:
        try:
            start_s, end_s, label = float(row["start_s"]), float(row["end_s"]), str(row["phone"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"a phone is {row!r:.60}, wanted start_s, end_s and phone") from error
        if not 0 <= start_s <= end_s < np.inf or (kept and start_s < kept[-1][1] - ROUNDED_S):
            raise ValueError(f"phone {label!r:.20} is at {start_s} … {end_s} s, wanted times in order")
        number = None if is_ipa(str(row.get("source", ""))) else phone_number(label)
        if number is None:
            unknown[label] += 1
        elif end_s - start_s < MIN_SEGMENT_S - ROUNDED_S:
            short += 1
        else:
            kept.append((number, start_s, end_s))
    numbers, starts_s, ends_s = np.array(kept).reshape(-1, 3).T
    return ClipPhones(numbers.astype(np.int64), starts_s, ends_s, unknown, short)


def segments_in(phones: ClipPhones, start: int, length: int) -> Segments:
    """The segments whose middle lies in frames start … start + length − 1 of a clip, cut to these.

    >>> said = [{"start_s": 0.0, "end_s": 0.1, "phone": "T"}, {"start_s": 0.1, "end_s": 0.2, "phone": "AH"}]
    >>> segments = segments_in(clip_phones(said), start=2, length=3)
    >>> segments.first.tolist(), segments.stop.tolist(), segments.centre.tolist()
    ([0], [3], [1.75])
    """
    centre = (phones.start_s + phones.end_s) / 2 * FPS - start
    inside = (centre >= 0) & (centre < length)
    first = np.floor(phones.start_s * FPS + ROUNDED_S).astype(np.int64) - start
    stop = np.ceil(phones.end_s * FPS - ROUNDED_S).astype(np.int64) - start
    return Segments(
        phones.phone[inside],
        first.clip(0, length - 1)[inside],
        stop.clip(1, length)[inside],
        centre[inside].astype(np.float32),
    )


def most_segments(length: int) -> int:
    """How many segments an excerpt of so many frames can have: each takes 40 ms, and two may be cut.

    >>> most_segments(50)
    51
    """
    return length + 1
