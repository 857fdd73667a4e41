"""Lip sync of a clip's tracks, and of the clip as means over them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from speechlip.lipsync.correlation import MouthSync
from speechlip.lipsync.learned import SpokenFace
from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync.lse import SyncScore
from speechlip.records import FaceTrack
from speechlip.timing import FPS


@dataclass(frozen=True)
class TrackSync:
    """Lip sync of one face track.

    track: None where the frames are crops already.
    start_frame, frames: where it lies in the footage.
    score: None where there is none.
    problem: why there is no score.
    face: what ``self`` judges once every clip of the set is there; None: nothing waits.
    """

    track: FaceTrack | None
    start_frame: int
    frames: int
    score: SyncScore | MouthSync | None
    problem: NotScored | None = None
    face: SpokenFace | None = None


@dataclass(frozen=True)
class SyncMeans:
    """Lip sync of one clip as means over its tracks; a column of ``metrics.sync.columns`` for every field.

    confidence, distance: mean over its tracks that were scored, as published (padded)
    confidence_unpadded, distance_unpadded: the same from real pairs only
    ci_low, ci_high: 95 % interval of the unpadded confidence; NaN for several tracks
    offset_frames: of the track with most windows; above 0: the audio is early
    windows: of all tracks
    """

    confidence: float
    distance: float
    confidence_unpadded: float
    distance_unpadded: float
    ci_low: float
    ci_high: float
    offset_frames: int
    windows: int

    @property
    def offset_ms(self) -> float:
        return 1000 * self.offset_frames / FPS


@dataclass(frozen=True)
class MouthMeans:
    """Lip sync of one clip by landmarks; a column of ``metrics.sync.columns`` for every field.

    confidence, correlation: mean over its tracks that were judged
    p, offset_frames: of the track with most frames; an offset above 0: the audio is early
    windows: frames of all tracks
    """

    confidence: float
    correlation: float
    p: float
    offset_frames: int
    windows: int

    @property
    def offset_ms(self) -> float:
        return 1000 * self.offset_frames / FPS


def of_clip(tracks: Sequence[TrackSync]) -> SyncMeans | MouthMeans:
    """The clip's own numbers, from its scored tracks; there is at least one."""
    if mouths := [track.score for track in tracks if isinstance(track.score, MouthSync)]:
        return of_mouths(mouths)
    scores = [track.score for track in tracks if isinstance(track.score, SyncScore)]
    longest = max(scores, key=lambda score: score.windows)
    only = len(scores) == 1
    return SyncMeans(
        confidence=fmean(score.lse_c for score in scores),
        distance=fmean(score.lse_d for score in scores),
        confidence_unpadded=fmean(score.lse_c_unpadded for score in scores),
        distance_unpadded=fmean(score.lse_d_unpadded for score in scores),
        ci_low=longest.ci_low if only else float("nan"),
        ci_high=longest.ci_high if only else float("nan"),
        offset_frames=longest.offset_frames,
        windows=sum(score.windows for score in scores),
    )


def of_mouths(mouths: Sequence[MouthSync]) -> MouthMeans:
    """Means over tracks that were judged by landmarks."""
    longest = max(mouths, key=lambda mouth: mouth.frames)
    return MouthMeans(
        confidence=fmean(mouth.confidence for mouth in mouths),
        correlation=fmean(mouth.correlation for mouth in mouths),
        p=longest.p,
        offset_frames=longest.offset_frames,
        windows=sum(mouth.frames for mouth in mouths),
    )
