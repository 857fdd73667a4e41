"""Whether video and audio of a file run at one speed.

Asked of AVI, which does not store times but counts them by rates in its header.
"""

from collections.abc import Sequence
from fractions import Fraction

MAX_KEPT = 256
MIN_KEPT, SHARED = 8, 0.8
"""Places of each stream, and share of its places, in the stretch that both share: with fewer nothing can be
said."""
APART_S, APART_SHARE = Fraction(2), Fraction(1, 10)
"""Recorders interleave by a second at most."""
Place = tuple[int, Fraction]  # byte in the file, seconds


class Places:
    """Byte and time of some packets of a stream, evenly spread over the file."""

    def __init__(self) -> None:
        self.kept: list[Place] = []
        self._every, self._seen = 1, 0

    def see(self, byte: int, due_s: Fraction) -> None:
        if self._seen % self._every == 0:
            self.kept.append((byte, due_s))
        if len(self.kept) > MAX_KEPT:
            self.kept, self._every = self.kept[::2], 2 * self._every
        self._seen += 1


def side_by_side_s(one: Sequence[Place], other: Sequence[Place]) -> tuple[Fraction, Fraction] | None:
    """Seconds of either stream in the stretch of file that both share; None where too little lies there.

    >>> video = [(100 * k, Fraction(k, 25)) for k in range(50)]
    >>> audio = [(100 * k + 50, Fraction(k, 50)) for k in range(50)]
    >>> side_by_side_s(video, audio), side_by_side_s(video, [(byte + 5000, due) for byte, due in audio])
    ((Fraction(48, 25), Fraction(24, 25)), None)
    """
    if not one or not other:
        return None
    low, high = max(one[0][0], other[0][0]), min(one[-1][0], other[-1][0])
    inside = [[due_s for byte, due_s in places if low <= byte <= high] for places in (one, other)]
    if any(
        len(found) < max(MIN_KEPT, SHARED * len(places))
        for found, places in zip(inside, (one, other), strict=True)
    ):
        return None
    return inside[0][-1] - inside[0][0], inside[1][-1] - inside[1][0]


def apart(one_s: Fraction, other_s: Fraction) -> bool:
    """Whether two lengths differ by more than interleaving explains."""
    return abs(one_s - other_s) > max(APART_S, APART_SHARE * max(one_s, other_s))
