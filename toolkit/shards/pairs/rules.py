"""What a pair is: kinds, their proportions, and what keeps a negative from being a positive in disguise.

A pair is a window of lips and a window of speech, both ``window`` video frames long.

==========  =================================  =====  ==================================
kind        speech comes from                  label  offset
==========  =================================  =====  ==================================
positive    the same frames of the same clip   1      0
shift       another time of the same clip      0      speech start − lips start, frames
clip        another clip of the same speaker   0      none
speaker     a clip of another speaker          0      none
==========  =================================  =====  ==================================

offset > 0 takes speech from later in the recording, so that it is heard early: the sign of SyncNet's offset.
Pairs of two clips have no common clock; their offset is ``NO_OFFSET`` in tensors and null in
``pairs/*.parquet``.

No negative shares a frame with its positive, also where two clips (two faces at once, or two copies of a
file) show the same time of one recording: times are compared in the recording, and recordings by the hash of
their content. The times are those of the audio: where ``--sync-correct`` moved it by different delays for two
faces, the same audio stands beside other frames.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from speechlip.errors import OptionError
from speechlip.shards.sample_meta import SampleMeta
from speechlip.timing import FPS

KINDS = ("positive", "shift", "clip", "speaker")
"""A pair's ``kind`` is an index into this."""
NEGATIVES = KINDS[1:]
WINDOW = 5
"""Video frames of a window: 200 ms, as SyncNet, Wav2Lip and SE4Lip have it."""
NO_OFFSET = -(2**31)
SAMPLING = 2
"""Which way of sampling pairs this is; another one gives other pairs for the same seed. 1: speech of
shifts stood at the ends of short clips."""
MOVED_AUDIO = re.compile(r"audio moved by ([+-]\d{1,6}) frames to fit the lips")
"""What ``corrected`` in a sample's ``json`` says of a clip whose audio was moved later by so many frames."""

Below = Callable[[int], int]
"""below(n) is a random integer of 0 … n − 1."""


@dataclass(frozen=True)
class PairRules:
    """How windows are cut.

    window: length in video frames.
    gap_frames: least distance between the two windows of a negative in frames, None for a window; 0 lets them
        touch, never overlap.
    max_shift_frames: bound on ``|offset|`` of ``shift`` pairs, for hard ones; None for any time of the clip.
    """

    window: int = WINDOW
    gap_frames: int | None = None
    max_shift_frames: int | None = None

    def __post_init__(self) -> None:
        if self.window < 1:
            raise OptionError(f"window must be at least one frame, but is {self.window}")
        if self.gap_frames is not None and self.gap_frames < 0:
            raise OptionError(
                f"gap_frames must not be negative, but is {self.gap_frames}: "
                f"the windows of a negative would share frames"
            )
        if self.max_shift_frames is not None and self.max_shift_frames < self.min_offset:
            raise OptionError(
                f"max_shift_frames {self.max_shift_frames} leaves no shift: "
                f"offsets start at {self.min_offset} "
                f"(window {self.window} + gap {self.min_offset - self.window}); raise it, or lower gap_frames"
            )

    @property
    def min_offset(self) -> int:
        """Least ``|offset|`` of a negative.

        >>> PairRules().min_offset, PairRules(gap_frames=0).min_offset
        (10, 5)
        """
        return self.window + (self.window if self.gap_frames is None else self.gap_frames)

    def starts(self, n_frames: int) -> int:
        """How many windows a clip of ``n_frames`` has.

        >>> PairRules().starts(25), PairRules().starts(4)
        (21, 0)
        """
        return max(0, n_frames - self.window + 1)

    def can_shift(self, n_frames: int) -> bool:
        """Whether a clip of ``n_frames`` holds two windows far enough apart.

        >>> PairRules().can_shift(14), PairRules().can_shift(15)
        (False, True)
        """
        return self.starts(n_frames) > self.min_offset

    def window_starts(self, n_frames: int) -> Sequence[int]:
        """The starts that windows of lips and of speech have, in pairs of every kind: those that a ``shift``
        pair can have.

        >>> PairRules().window_starts(25), PairRules().window_starts(16)
        (range(0, 21), [0, 1, 10, 11])
        """
        rings = rings_of(self, n_frames)
        if not rings:
            return range(self.starts(n_frames))
        return rings[0].starts if len(rings) == 1 else range(rings[0].starts[0], rings[-1].starts[-1] + 1)

    def shifted_starts(self, n_frames: int, lips_start: int) -> list[int]:
        """Where the speech of a ``shift`` pair may start for lips that start at ``lips_start``; empty where
        it cannot.

        lips_start: one of ``window_starts``.

        >>> PairRules().shifted_starts(25, 3), PairRules().shifted_starts(25, 12)
        ([13, 14], [1, 2])
        """
        return next(
            (ring.partners(lips_start) for ring in rings_of(self, n_frames) if lips_start in ring.starts), []
        )

    def sample_start(self, n_frames: int, below: Below) -> int:
        """A start of lips or speech, any of ``window_starts``."""
        starts = self.window_starts(n_frames)
        return starts[below(len(starts))]

    def sample_shift(self, n_frames: int, below: Below) -> tuple[int, int]:
        """(lips start, speech start) of a ``shift`` pair in a clip that ``can_shift``.

        Each of the two by itself is distributed as ``sample_start``.
        """
        lips_start = self.sample_start(n_frames, below)
        partners = self.shifted_starts(n_frames, lips_start)
        return lips_start, partners[below(len(partners))]


@dataclass(frozen=True)
class Ring:
    """Starts closed to a ring: speech of a ``shift`` pair stands one of ``steps`` further than its lips,
    around the end.

    Every step maps the starts onto themselves. So each start is that of speech as often as that of lips, and
    as often as in positives: where in its clip a window stands says nothing about the label. Sampled freely,
    speech would stand at the ends of the clip, which alone have many partners.

    starts: first frames of windows.
    steps: distances along the ring.
    """

    starts: Sequence[int]
    steps: range

    def partners(self, start: int) -> list[int]:
        place = self.starts.index(start)
        return sorted(self.starts[(place + step) % len(self.starts)] for step in self.steps)


@lru_cache(4096)
def rings_of(rules: PairRules, n_frames: int) -> tuple[Ring, ...]:
    """The starts of a clip as rings whose steps all keep the rules' distances; none where no shift is
    possible.

    One ring where ``max_shift_frames`` allows it, else as many as are needed, of equal length, as far as they
    cover the clip; what they do not cover, at both its ends, is no start. In a clip shorter than two offsets
    the starts in its middle have no partner and are none either.

    >>> [(ring.starts, ring.steps) for ring in rings_of(PairRules(max_shift_frames=15), 52)]
    [(range(0, 24), range(10, 15)), (range(24, 48), range(10, 15))]
    """
    starts, least = rules.starts(n_frames), rules.min_offset
    if starts <= least:
        return ()
    if starts < 2 * least:
        half = starts - least
        return (Ring([*range(half), *range(least, starts)], range(half, half + 1)),)
    longest = starts if rules.max_shift_frames is None else min(starts, rules.max_shift_frames + least)
    count, covered = math.ceil(starts / longest), starts
    if count * 2 * least > starts:
        count, covered = count - 1, (count - 1) * longest
    first = (starts - covered) // 2
    edges = [first + covered * number // count for number in range(count + 1)]
    return tuple(
        Ring(range(low, high), range(least, high - low - least + 1)) for low, high in pairwise(edges)
    )


@dataclass(frozen=True)
class PairClip:
    """What pairing needs to know of a clip.

    key: of its sample.
    speaker: name of the speaker.
    recording: tells recordings apart by content (the source's SHA-256).
    start_frame: where the clip starts in its recording, at 25 fps.
    n_frames: its length.
    delay_frames: by how much its audio was moved later to fit the lips.
    """

    key: str
    speaker: str
    recording: str
    start_frame: int
    n_frames: int
    delay_frames: int = 0

    @property
    def audio_start_in_recording(self) -> int:
        """Where in the recording the clip's audio starts."""
        return self.start_frame - self.delay_frames


def pair_clip(key: str, meta: SampleMeta) -> PairClip:
    """What pairing needs, out of what a sample says of itself.

    >>> moved = (moved_audio(-3),)
    >>> meta = SampleMeta(n_frames=50, speaker="s", source_sha256="film", start_s=4.0, corrected=moved)
    >>> pair_clip("a", meta)
    PairClip(key='a', speaker='s', recording='film', start_frame=100, n_frames=50, delay_frames=-3)
    """
    moved = [MOVED_AUDIO.fullmatch(correction) for correction in meta.corrected or ()]
    delay_frames = sum(int(match[1]) for match in moved if match)
    start_frame = round(meta.start_s * FPS)
    return PairClip(key, meta.speaker, meta.source_sha256, start_frame, meta.n_frames, delay_frames)


def moved_audio(delay_frames: int) -> str:
    """The sentence that ``MOVED_AUDIO`` reads."""
    return f"audio moved by {delay_frames:+d} frames to fit the lips"


def far_apart(one: PairClip, one_start: int, other: PairClip, other_start: int, rules: PairRules) -> bool:
    """Whether speech of one window may be a negative for the other.

    It may where they are of different recordings, or far enough apart in the one they share. Starts are
    frames in the clips.
    """
    apart = abs(one.audio_start_in_recording + one_start - other.audio_start_in_recording - other_start)
    return one.recording != other.recording or apart >= rules.min_offset
