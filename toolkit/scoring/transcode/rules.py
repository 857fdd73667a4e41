"""Which source frame stands where after ``ffmpeg … -async 1 -r 25``: ffmpeg's own rules, by its generations.

Source: fftools, ``do_video_out`` (4, 5) and ``video_sync_process`` (from 6 on), with the choice of ``-vsync``
in ``ffmpeg_opt.c`` and ``ffmpeg_mux_init.c``; audio: ``-async`` in ``ffmpeg_filter.c`` (gone in 6, where it
only reaches a resampler that is there anyway) and libswresample's ``swr_next_pts``.
``benchmarks/transcode_delay.py`` and tests/scoring/test_transcode_rules.py hold them against really run
binaries, frame by frame.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

from speechlip.errors import no_such
from speechlip.timing import FRAME_S

VFR, CFR = "vfr", "cfr"
TOO_LATE, TOO_EARLY = 1.1, -1.1
"""CFR: in frames of the output, how far a frame's end may lie from where it would be written before it is
repeated or dropped.
"""
NEAR = 0.6
"""VFR: the same for dropping, and for taking the frame's own place instead of the next free one."""
MIDPOINT = 2.0**-17
"""What ffmpeg adds to a time between two frames, away from 0, so that no tie is left to rounding."""
LATEST = 99
Shown = TypeVar("Shown")


@dataclass(frozen=True)
class Generation:
    """Releases of ffmpeg that turn the same file into the same frames.

    name: the oldest release measured.
    releases: binaries that agree with it in every frame of the tests.
    avi: how ``-r`` changes the rate of what goes into AVI; into MP4 and JPEG files it is ``cfr``.
    whole_lengths: whether a frame's length counts in whole frames of the output.
    async_works: whether ``-async 1`` puts the audio where its stamps say and fills gaps over 0.1 s; where it
        does not, audio that starts late starts with the file.
    old_demuxers: whether the priming of audio in Matroska belongs to the file's start, and MP4's edit list
        shortens the last frame.
    """

    name: str
    releases: tuple[str, ...]
    avi: str
    whole_lengths: bool
    async_works: bool
    old_demuxers: bool


GENERATIONS = {
    generation.name: generation
    for generation in (
        Generation("4.2", ("4.2.2", "5.1.9"), VFR, whole_lengths=True, async_works=True, old_demuxers=True),
        Generation("7.0", ("7.0.2",), CFR, whole_lengths=False, async_works=False, old_demuxers=True),
        Generation("9.0", ("9.0.2",), CFR, whole_lengths=False, async_works=False, old_demuxers=False),
    )
}
DEFAULT = "4.2"
"""What was there when the published numbers were made: Wav2Lip's are of 2020, ffmpeg 6.0 of 2023."""


def generation(name: str) -> Generation:
    """The generation called ``name``. Raises OptionError that lists the known ones.

    >>> generation("4.2").releases, generation("7.0").async_works
    (('4.2.2', '5.1.9'), False)
    """
    if name not in GENERATIONS:
        raise no_such("ffmpeg generation", name, GENERATIONS)
    return GENERATIONS[name]


def of_version(version: str) -> Generation:
    """The generation that a release belongs to: the last one measured that is not newer; without a number the
    newest.

    >>> [of_version(version).name for version in ("4.1", "n5.1.9-0+deb12u1", "6.1.1", "9.0.2", "N-115-gabc")]
    ['4.2', '4.2', '7.0', '9.0', '9.0']
    """
    number = re.match(r"n?(\d+)\.", version)
    major = int(number[1]) if number else LATEST
    return GENERATIONS["4.2" if major <= 5 else "7.0" if major < 9 else "9.0"]


def frames_out(
    frames: Iterable[tuple[Fraction, Fraction, Shown]],
    rate: Fraction,
    method: str,
    whole_lengths: bool,
    usual_s: Fraction = FRAME_S,
) -> Iterator[tuple[int, Shown]]:
    """Where the frames of a source stand in a transcode.

    frames: ``(start, length, frame)``, in s on the output's clock.
    rate: of the output, in frames/s.
    method: ``vfr`` or ``cfr``.
    whole_lengths: as in ``Generation``.
    usual_s: length of a frame by the source's rate, which counts where its own is under half a frame of the
        output.

    Yields ``(place, frame)``, place in frames of the output; holds two frames.

    >>> thirty = [(Fraction(k, 30), Fraction(1, 30), k) for k in range(15)]
    >>> [frame for _, frame in frames_out(thirty, Fraction(25), VFR, True)]
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14]
    >>> [frame for _, frame in frames_out(thirty, Fraction(25), CFR, False)]
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14]
    """
    place, repeated = 0, [0, 0, 0]
    before: Any = None
    for start_s, length_s, frame in frames:
        due, length = _on_grid(start_s, rate), _length(length_s, rate, whole_lengths, usual_s)
        early, end = due - place, due - place + length
        if early < 0 < end:
            due, early = place, 0.0
        if method == VFR:
            place = round(due) if end > NEAR else place
            times, times_before = int(end > -NEAR), 0
        else:
            times, times_before = _times(early, end)
        repeated = [times_before, *repeated[:2]]
        for count in range(times):
            yield place, before if count < times_before and before is not None else frame
            place += 1
        before = frame
    for _ in range(sorted(repeated)[1] if before is not None else 0):
        yield place, before
        place += 1


def _times(early: float, end: float) -> tuple[int, int]:
    """How often a frame is written (CFR), and how many of these, the first ones, show the frame before it
    instead.

    early, end: where the frame begins and ends, in places after the next free one.
    """
    if end <= TOO_LATE:
        return int(end >= TOO_EARLY), 0
    return round(end), min(round(end), round(early - NEAR)) if early > TOO_LATE else 0


def _on_grid(start_s: Fraction, rate: Fraction) -> float:
    """A time in frames of the output, as fine as ffmpeg's doubles have it.

    >>> _on_grid(Fraction(3, 25), Fraction(25)), _on_grid(Fraction(1, 50), Fraction(25)) - 0.5 == MIDPOINT
    (3.0, True)
    """
    steps = 1 << min(16, max(0, 29 - (rate.numerator.bit_length() - 1)))
    due = nearest(start_s * rate * steps) / steps
    return due if due == int(due) else due + math.copysign(MIDPOINT, due)


def _length(length_s: Fraction, rate: Fraction, whole: bool, usual_s: Fraction) -> float:
    if not whole:
        return float(length_s * rate)
    return round(length_s * rate) or min(1.0, float(usual_s * rate))


def nearest(value: Fraction) -> int:
    """The nearest whole number, halves away from 0, as ``av_rescale`` rounds.

    >>> nearest(Fraction(5, 2)), nearest(Fraction(-5, 2)), round(Fraction(5, 2))
    (3, -3, 2)
    """
    return math.floor(value + Fraction(1, 2)) if value >= 0 else -math.floor(Fraction(1, 2) - value)
