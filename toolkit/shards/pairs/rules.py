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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from speechlip.errors import OptionError, no_such
from speechlip.shards.pairs.rings import Ring, Starts, rings_of, spoken_starts
from speechlip.shards.sample_meta import MOVED_AUDIO, SampleMeta
from speechlip.timing import FPS, frames

KINDS = ("positive", "shift", "clip", "speaker")
"""A pair's ``kind`` is an index into this."""
NEGATIVES = KINDS[1:]
WINDOW = 5
"""Video frames of a window: 200 ms, as SyncNet, Wav2Lip and SE4Lip have it."""
NO_OFFSET = -(2**31)
LEAST_SPEECH = 0.5
PAIRS = {"speech": LEAST_SPEECH, "any": 0.0}
"""``--pairs`` → the least share of speech in a window."""
SAMPLING = 3
"""Which way of sampling pairs this is; another one gives other pairs for the same seed. 1: speech of
shifts stood at the ends of short clips. 2: windows were taken where nobody speaks, too."""
Spoken = tuple[tuple[int, int], ...] | None
"""(start, stop) frames of a clip in which somebody speaks; None where nobody listened."""
Below = Callable[[int], int]
"""below(n) is a random integer of 0 … n − 1."""


@dataclass(frozen=True)
class PairRules:
    """How windows are cut.

    window: length in video frames.
    gap_frames: least distance between the two windows of a negative in frames, None for a window; 0 lets them
        touch, never overlap.
    max_shift_frames: bound on ``|offset|`` of ``shift`` pairs, for hard ones; None for any time of the clip.
    least_speech: share of each window of lips and of speech in which somebody must speak, 0 to 1, in clips
        that say where; 0: any window.
    """

    window: int = WINDOW
    gap_frames: int | None = None
    max_shift_frames: int | None = None
    least_speech: float = LEAST_SPEECH

    def __post_init__(self) -> None:
        if self.window < 1:
            raise OptionError(f"window must be at least one frame, but is {self.window}")
        if not 0 <= self.least_speech <= 1:
            raise OptionError(f"least_speech must be a share from 0 to 1, but is {self.least_speech}")
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

    def open_starts(self, n_frames: int, spoken: Spoken = None) -> Starts:
        """The starts of windows with enough speech; of all, where nobody listened to the clip.

        >>> PairRules().open_starts(25), PairRules().open_starts(25, ((10, 15),))
        (range(0, 21), range(8, 13))
        """
        if spoken is None or not self.least_speech:
            return range(self.starts(n_frames))
        return spoken_starts(n_frames, self.window, spoken, self.least_speech)

    def can_shift(self, n_frames: int, spoken: Spoken = None) -> bool:
        """Whether a clip of ``n_frames`` holds two windows far enough apart.

        >>> PairRules().can_shift(14), PairRules().can_shift(15)
        (False, True)
        """
        return bool(self.rings(n_frames, spoken))

    def rings(self, n_frames: int, spoken: Spoken = None) -> tuple[Ring, ...]:
        """The starts that ``shift`` pairs can have."""
        return rings_of(self.open_starts(n_frames, spoken), self.min_offset, self.max_shift_frames)

    def window_starts(self, n_frames: int, spoken: Spoken = None) -> Sequence[int]:
        """The starts that windows of lips and of speech have, in pairs of every kind: those that a ``shift``
        pair can have.

        >>> PairRules().window_starts(25), PairRules().window_starts(16)
        (range(0, 21), (0, 1, 10, 11))
        """
        rings = self.rings(n_frames, spoken)
        if len(rings) == 1:
            return rings[0].starts
        return tuple(chain(*(ring.starts for ring in rings))) or self.open_starts(n_frames, spoken)

    def shifted_starts(self, n_frames: int, lips_start: int, spoken: Spoken = None) -> list[int]:
        """Where the speech of a ``shift`` pair may start for lips that start at ``lips_start``; empty where
        it cannot.

        lips_start: one of ``window_starts``.

        >>> PairRules().shifted_starts(25, 3), PairRules().shifted_starts(25, 12)
        ([13, 14], [1, 2])
        """
        rings = self.rings(n_frames, spoken)
        return next((ring.partners(lips_start) for ring in rings if lips_start in ring.starts), [])

    def sample_start(self, n_frames: int, below: Below, spoken: Spoken = None) -> int:
        """A start of lips or speech, any of ``window_starts``."""
        starts = self.window_starts(n_frames, spoken)
        return starts[below(len(starts))]

    def sample_shift(self, n_frames: int, below: Below, spoken: Spoken = None) -> tuple[int, int]:
        """(lips start, speech start) of a ``shift`` pair in a clip that ``can_shift``.

        Each of the two by itself is distributed as ``sample_start``.
        """
        lips_start = self.sample_start(n_frames, below, spoken)
        partners = self.shifted_starts(n_frames, lips_start, spoken)
        return lips_start, partners[below(len(partners))]


def rules_for(pairs: str) -> PairRules:
    """The rules of ``--pairs``: ``speech`` or ``any``. Raises OptionError for another name."""
    if pairs not in PAIRS:
        raise no_such("--pairs", pairs, PAIRS)
    return PairRules(least_speech=PAIRS[pairs])


@dataclass(frozen=True, slots=True)
class PairClip:
    """What pairing needs to know of a clip.

    key: of its sample.
    speaker: name of the speaker.
    recording: tells recordings apart by content (the source's SHA-256).
    start_frame: where the clip starts in its recording, at 25 fps.
    n_frames: its length.
    delay_frames: by how much its audio was moved later to fit the lips.
    spoken: (start, stop) frames in which somebody speaks; None where nobody listened.
    """

    key: str
    speaker: str
    recording: str
    start_frame: int
    n_frames: int
    delay_frames: int = 0
    spoken: Spoken = None

    @property
    def audio_start_in_recording(self) -> int:
        """Where in the recording the clip's audio starts."""
        return self.start_frame - self.delay_frames


def pair_clip(key: str, meta: SampleMeta) -> PairClip:
    """What pairing needs, out of what a sample says of itself.

    >>> moved = ("audio moved by -3 frames to fit the lips",)
    >>> meta = SampleMeta(n_frames=50, speaker="s", source_sha256="film", start_s=4.0, corrected=moved)
    >>> pair_clip("a", meta) == PairClip("a", "s", "film", start_frame=100, n_frames=50, delay_frames=-3)
    True
    """
    moved = [MOVED_AUDIO.fullmatch(correction) for correction in meta.corrected or ()]
    delay_frames = sum(int(match[1]) for match in moved if match)
    start_frame = round(meta.start_s * FPS)
    spoken = None if meta.speech is None else tuple((frames(a), frames(b)) for a, b in meta.speech)
    return PairClip(key, meta.speaker, meta.source_sha256, start_frame, meta.n_frames, delay_frames, spoken)


def far_apart(one: PairClip, one_start: int, other: PairClip, other_start: int, rules: PairRules) -> bool:
    """Whether speech of one window may be a negative for the other.

    It may where they are of different recordings, or far enough apart in the one they share. Starts are
    frames in the clips.
    """
    apart = abs(one.audio_start_in_recording + one_start - other.audio_start_in_recording - other_start)
    return one.recording != other.recording or apart >= rules.min_offset
