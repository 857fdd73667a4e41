"""Pairs of recordings that are doubles, with what says so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.doubles.alignment import LEAST_VOTES, Alignment, aligned
from speechlip.doubles.fingerprint import Fingerprint
from speechlip.doubles.image_hashes import ImageHashes, distances
from speechlip.doubles.index import shared_hashes

NEAR_S = 6.0
"""Key images of two copies are at most so far apart in time to be compared; where none are, all are."""
MOST_DIFFERENT = 14
"""Bits of 64 by which images of a copy differ at most: benchmarks/doubles.py."""
AUDIO_ALONE = 12
"""Votes that are wanted where no images agree."""


@dataclass(frozen=True)
class Double:
    """Two recordings with common audio.

    first, second: their names, in the order of the set.
    speed, offset_s: time t of the first is ``speed · t + offset_s`` of the second.
    votes: hashes of audio that say so.
    first_start_s, first_stop_s, second_start_s, second_stop_s: the common time in either.
    first_share, second_share: the common time as a share of either.
    image_bits: of 64, by which the images at one time differ in the median; None where there are none.
    kind: ``same file``, ``audio and images``, or ``audio``, whose images differ or are not there.
    """

    first: str
    second: str
    kind: str
    speed: float = 1.0
    offset_s: float = 0.0
    votes: int = 0
    first_start_s: float = 0.0
    first_stop_s: float = 0.0
    second_start_s: float = 0.0
    second_stop_s: float = 0.0
    first_share: float = 1.0
    second_share: float = 1.0
    image_bits: int | None = None

    def seen_from(self, name: str) -> "Double":
        """The same pair with the recording of this name first."""
        if name == self.first:
            return self
        return Double(
            self.second,
            self.first,
            self.kind,
            1 / self.speed,
            -self.offset_s / self.speed,
            self.votes,
            self.second_start_s,
            self.second_stop_s,
            self.first_start_s,
            self.first_stop_s,
            self.second_share,
            self.first_share,
            self.image_bits,
        )

    @property
    def faster(self) -> str:
        """How much faster the second one is, in words; empty where it is not.

        >>> Double("a", "b", AUDIO, speed=0.95).faster, Double("a", "b", AUDIO).faster
        (', 0.95 × as fast', '')
        """
        return "" if abs(self.speed - 1) < 0.005 else f", {self.speed:.2f} × as fast"

    @property
    def evidence(self) -> str:
        """What says that they are doubles, in words.

        >>> Double("a", "b", BOTH, votes=18, image_bits=2).evidence
        '18 hashes, images differ by 2 of 64 bits'
        """
        images = "" if self.image_bits is None else f", images differ by {self.image_bits} of 64 bits"
        return f"{self.votes} hashes{images}"


SAME_FILE, BOTH, AUDIO = "same file", "audio and images", "audio"


def double_pairs(prints: Sequence[Fingerprint], groups: Sequence[int] = ()) -> Iterator[Double]:
    """Pairs that have audio in common, in the order of ``prints``.

    groups: one number each; two of one group are not compared. Empty: all are.
    """
    numbers = groups or range(len(prints))
    for i, j, first_s, second_s in shared_hashes([each.audio for each in prints], numbers, LEAST_VOTES):
        first, second = prints[i], prints[j]
        found = aligned(first_s, second_s, first.seconds, second.seconds)
        if found and (pair := double(first, second, found)):
            yield pair


def double(first: Fingerprint, second: Fingerprint, found: Alignment) -> Double | None:
    """The pair; None where the audio is too little evidence alone and the images do not agree."""
    bits = image_difference(first.images, second.images, found)
    alike = bits is not None and bits <= MOST_DIFFERENT
    if not alike and found.votes < AUDIO_ALONE:
        return None
    return Double(
        first.name,
        second.name,
        BOTH if alike else AUDIO,
        found.speed,
        found.offset_s,
        found.votes,
        *found.first_s,
        *found.second_s,
        share(found.first_s, first.seconds),
        share(found.second_s, second.seconds),
        bits,
    )


def share(span_s: tuple[float, float], length_s: float) -> float:
    return round(min(1.0, (span_s[1] - span_s[0]) / length_s), 3) if length_s else 0.0


def image_difference(first: ImageHashes, second: ImageHashes, found: Alignment) -> int | None:
    """Bits by which images at about the same time differ, the median over those of the first."""
    inside = (first.times_s >= found.first_s[0] - NEAR_S) & (first.times_s <= found.first_s[1] + NEAR_S)
    if not inside.any() or not len(second):
        return None
    away_s = np.abs(found.speed * first.times_s[inside, None] + found.offset_s - second.times_s)
    bits = distances(first.values[inside, None], second.values)
    near = away_s <= NEAR_S
    compared = np.where(near, bits, 64) if near.any() else bits
    rows = compared.min(axis=1)[near.any(axis=1)] if near.any() else compared.min(axis=1)
    return int(np.median(rows))
