"""Which frames of a source become clips, and why every other does not (docs/format.md has the rules)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from speechlip.describing.appearance import Appearances
from speechlip.describing.talkvid import below_talkvid, talkvid_scores
from speechlip.faces.crops import CropPlan
from speechlip.faces.tracking.selection import piece
from speechlip.media.audible import SILENCE_PEAK
from speechlip.media.frames import ReadStats
from speechlip.preparing.cut.kept_regions import KeptRegions
from speechlip.preparing.reasons import (
    LOW_QUALITY,
    MOUTH_OUTSIDE,
    NO_AUDIO,
    NO_FACE,
    NO_IMAGE,
    NO_SPEECH,
    SILENT,
    TOO_BRIEF,
    TOO_SHORT,
    TOO_SMALL,
    WHO_SPEAKS,
)
from speechlip.records import FaceTrack, SyncVerdict
from speechlip.spans import runs
from speechlip.timing import frames


@dataclass(frozen=True)
class Span:
    """Frames ``start_frame … stop_frame - 1`` of one track, to become one clip."""

    track: int
    start_frame: int
    stop_frame: int

    def __len__(self) -> int:
        return self.stop_frame - self.start_frame


@dataclass(frozen=True)
class Observation:
    """What the first pass over a source keeps of it, per 25-fps frame.

    has_image: (N,) bool, whether there is an image.
    face_seen: (N,) bool, whether there is a face, also one that is in no track.
    peaks: (N,) int32, largest |sample| of the frame's 640; −1 where there is no audio.
    tracks: those that may become clips.
    crops: one per track.
    mouth_inside: one per track, (len(track),) bool, whether the mouth's centre lies in the image.
    reading: what the reader met.
    verdicts: one per track where a sync filter judged them, else empty.
    faces: (N,) int32, how many faces are there at once, in a track or not; None: not counted.
    too_small: (N,) bool, whether there is a face that is seen long enough and is too small.
    small_width_px: its median width; 0 where there is none.
    first_frame: where the part begins that was looked at; frames before it belong to another split.
    speech: (N,) bool, in which frames somebody speaks; None: nobody listened.
    kept: pixels and audio of the frames that need not be read again.
    frame_sizes: one per track, (width, height) px.
    appearances: how sharp and bright faces are.
    who_speaks: (N,) bool, with ``--faces speaking`` where no one of several mouths follows the audio.
    """

    has_image: np.ndarray
    face_seen: np.ndarray
    peaks: np.ndarray
    tracks: Sequence[FaceTrack]
    crops: Sequence[CropPlan]
    mouth_inside: Sequence[np.ndarray]
    reading: ReadStats
    verdicts: Sequence[SyncVerdict] = ()
    faces: np.ndarray | None = None
    too_small: np.ndarray | bool = False
    small_width_px: float = 0.0
    first_frame: int = 0
    speech: np.ndarray | None = None
    kept: KeptRegions = field(default_factory=KeptRegions)
    frame_sizes: Sequence[tuple[int, int]] = ()
    appearances: Appearances = field(default_factory=Appearances)
    who_speaks: np.ndarray | bool = False

    @property
    def n_frames(self) -> int:
        return len(self.peaks)

    def affine(self, track: int, index: int) -> np.ndarray:
        """(2, 3), px of frame ``index`` → px of the crop of a track."""
        affine: np.ndarray = self.crops[track].affines[index - self.tracks[track].start_frame]
        return affine

    def delay_frames(self, track: int) -> int:
        return self.verdicts[track].delay_frames if self.verdicts else 0

    def speech_of(self, span: Span) -> np.ndarray | None:
        """(len(span),) bool: the frames of a span in whose audio, as it is moved, somebody speaks."""
        if self.speech is None:
            return None
        moved = delayed(self.speech, self.delay_frames(span.track), False)
        return moved[span.start_frame : span.stop_frame]

    def faces_in(self, span: Span) -> np.ndarray:
        """(len(span),) how many faces are there at once."""
        if self.faces is None:
            return np.ones(len(span), np.int32)
        return self.faces[span.start_frame : span.stop_frame]

    def below_talkvid(self, span: Span) -> str:
        """Which of TalkVid's thresholds a span does not reach, the first; empty where it reaches all."""
        track = self.tracks[span.track]
        own = piece(track, span.start_frame - track.start_frame, span.stop_frame - track.start_frame)
        return below_talkvid(talkvid_scores(own, self.faces_in(span), self.frame_sizes[span.track]))

    def refusal(self, track: int) -> str:
        return self.verdicts[track].refusal if self.verdicts else ""


def choose_spans(
    seen: Observation, min_clip_s: float, max_clip_s: float, least_speech: float = 0.0, quality: str = ""
) -> tuple[tuple[Span, ...], dict[str, int]]:
    """Cut every track into clips: the spans by their start, and the number of frames lost by reason.

    A clip never holds a frame without image, audio or face; a longer run is cut evenly, so that no remainder
    is lost. Frames in a clip and frames lost add up to the frames of the source; a frame in clips of two
    tracks counts once.

    least_speech: share of speech that every clip must have, 0 to 1.
    quality: ``talkvid``: every clip reaches its thresholds; empty: all are kept.
    """
    shortest, longest = frames(min_clip_s), frames(max_clip_s)
    reasons = np.where(seen.too_small, TOO_SMALL, np.where(seen.face_seen, TOO_BRIEF, NO_FACE)).astype(object)
    reasons = np.where(seen.who_speaks, WHO_SPEAKS, reasons)
    kept: list[Span] = []
    for number, track in enumerate(seen.tracks):
        where = slice(track.start_frame, track.stop_frame)
        inside = seen.mouth_inside[number]
        reasons[where] = np.where(inside, reasons[where], MOUTH_OUTSIDE)
        peaks = delayed(seen.peaks, seen.delay_frames(number))
        reasons[where] = np.where(peaks[where] < 0, NO_AUDIO, reasons[where])
        if refusal := seen.refusal(number):
            reasons[where] = refusal
            continue
        usable = inside & seen.has_image[where] & (peaks[where] >= 0)
        for start, stop in runs(usable):
            run = Span(number, track.start_frame + start, track.start_frame + stop)
            if len(run) < shortest:
                reasons[run.start_frame : run.stop_frame] = TOO_SHORT
                continue
            for span in divide(run, longest):
                if peaks[span.start_frame : span.stop_frame].max() < SILENCE_PEAK:
                    reasons[span.start_frame : span.stop_frame] = SILENT
                elif not speaks_enough(seen.speech_of(span), least_speech):
                    reasons[span.start_frame : span.stop_frame] = NO_SPEECH
                elif quality and (score := seen.below_talkvid(span)):
                    reasons[span.start_frame : span.stop_frame] = f"{LOW_QUALITY}: {score}"
                else:
                    kept.append(span)
    reasons[seen.peaks < 0] = NO_AUDIO
    reasons[~seen.has_image] = NO_IMAGE
    lost = np.arange(seen.n_frames) >= seen.first_frame
    for span in kept:
        lost[span.start_frame : span.stop_frame] = False
    return tuple(sorted(kept, key=lambda span: (span.start_frame, span.track))), dict(
        sorted(Counter(reasons[lost]).items())
    )


def speaks_enough(spoken: np.ndarray | None, least: float) -> bool:
    """Whether the share of speech is at least ``least``."""
    return not least or (spoken is not None and float(spoken.mean()) >= least)


def delayed(values: np.ndarray, delay_frames: int, nothing: int = -1) -> np.ndarray:
    """Values per frame of audio moved ``delay_frames`` later; ``nothing`` where nothing is moved to.

    >>> delayed(np.array([5, 6, 7]), 1), delayed(np.array([5, 6, 7]), -1)
    (array([-1,  5,  6]), array([ 6,  7, -1]))
    """
    moved = np.full_like(values, nothing)
    length = max(0, len(values) - abs(delay_frames))
    late, early = max(0, delay_frames), max(0, -delay_frames)
    moved[late : late + length] = values[early : early + length]
    return moved


def divide(run: Span, longest: int) -> Sequence[Span]:
    """Cut a run into the fewest spans of at most ``longest`` frames, as equal as whole frames allow.

    >>> [len(span) for span in divide(Span(0, 0, 841), 250)]
    [210, 210, 210, 211]
    """
    count = -(-len(run) // longest)
    edges = [run.start_frame + len(run) * i // count for i in range(count + 1)]
    return [Span(run.track, start, stop) for start, stop in pairwise(edges)]
